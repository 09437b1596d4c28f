import type { ClientBase } from 'pg';
import { localFaults } from '../../db/wire/local-fault.ts';
import { isSameCalendar } from '../../core/window.ts';
import { callKey } from '../calls/call-key.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { EventWriter } from '../events/event-writer.ts';
import type { OrganizationTime } from '../lane/organization-time.ts';
import type { OperationResult, Planned } from '../lane/planned.ts';
import { BatchDeltas } from '../meters/batch-deltas.ts';
import type { MeterSum } from '../meters/batch-deltas.ts';
import { deltaOf, totalsByMeter } from '../meters/batch-totals.ts';
import { windowSpan } from '../meters/call-delta.ts';
import type { CallDelta } from '../meters/call-delta.ts';
import { tellSaturated } from '../meters/saturated-meters.ts';
import type { BatchState } from './batch-state.ts';
import { fillMeters } from './fill.ts';
import { lockAndRead, rollback, writeAndCommit } from './flights.ts';
import { readPastWindows } from './past-windows.ts';
import { walkMembers } from './walk.ts';
import type { Member } from './walk.ts';

/** What a batch is run with. */
export interface BatchOptions {
  readonly client: ClientBase;
  /** Run at the begin of the transaction. */
  readonly settings: readonly string[];
  readonly events: EventWriter;
  /** False: a batch of Checks alone may be forgotten by a crash of the database. */
  readonly durableHolds: boolean;
  readonly time: OrganizationTime;
  readonly monotonicMs: () => number;
  /** Called when all rows of the batch are locked. */
  onLocked?(): void;
  /**
   * Called when everything is sent, the commit last. A statement that is sent after this sees the batch committed
   * or rolled back.
   */
  onSent(): void;
  /** Called for each meter of a batch whose sums have reached the largest int64. */
  readonly onSaturated?: ((orgId: string, meter: string) => void) | undefined;
  /** Called with the new state of a call after the commit. */
  remember(call: KnownCall): void;
}

/**
 * Runs a batch as one transaction: adds every ask, locks thereby, reads what can no longer change, decides
 * in order of arrival, takes back what was refused, writes, commits.
 *
 * One result per operation, in order. Throws what the database threw; then nothing has happened.
 */
export async function runBatch(
  batch: readonly Planned[],
  options: BatchOptions,
): Promise<OperationResult[]> {
  const { client, time } = options;
  const expected = time.expected();
  const { members, sums } = localFaults(() => addedFirst(batch, expected));
  let isSent = false;
  const onSent = (): void => {
    isSent = true;
    options.onSent();
  };
  try {
    const sentMs = options.monotonicMs();
    const state = await lockAndRead(options, sums, batch);
    options.onLocked?.();
    const nowMs = time.read({
      databaseNowMs: state.nowMs,
      sentMs,
      receivedMs: options.monotonicMs(),
    });
    if (
      isMistimed(batch, expected, nowMs) ||
      isCalendarStale(batch, state) ||
      isOvertaken(batch, sums, state)
    ) {
      // The batch may have rolled windows too early or by an old calendar, or brought a meter to life
      // that no limit keeps any more: only undoing it whole brings them back.
      await rollback(client);
      return batch.map(({ operation }) => staleResult(operation, state));
    }
    const rows = totalsByMeter(
      sums,
      state.meters.map(({ row }) => row),
    );
    tellSaturated(sums, state.meters, options.onSaturated);
    await fillMeters(client, sums, rows, state, nowMs);
    const past = await readPastWindows(client, batch, rows);
    const walk = walkMembers(members, rows, { ...state, past, timeOf: nowMs }, time);
    await writeAndCommit(client, walk, { ...options, onSent });
    for (const call of walk.calls) options.remember(call);
    return walk.results;
  } catch (cause) {
    // After a COMMIT was sent there is nothing to undo, and the next batch's transaction may have begun.
    if (!isSent) await rollback(client);
    throw cause;
  }
}

/** The operations with their deltas, and what is added before they are decided. */
function addedFirst(
  batch: readonly Planned[],
  expected: (orgId: string) => number,
): { readonly members: readonly Member[]; readonly sums: readonly MeterSum[] } {
  const added = new BatchDeltas();
  const members = batch.map((planned) => {
    const { operation, plan } = planned;
    const delta = deltaOf(plan, expected(operation.orgId));
    added.add(operation.orgId, plan.isAddedAfter ? empty(delta) : delta);
    return { planned, delta };
  });
  return { members, sums: added.sorted() };
}

function empty(delta: CallDelta): CallDelta {
  return { ...delta, inFlight: 0n, counters: delta.counters.map(() => 0n) };
}

/** Whether the windows of an organization by the database's time are not those that were expected. */
function isMistimed(
  batch: readonly Planned[],
  expected: (orgId: string) => number,
  nowMs: (orgId: string) => number,
): boolean {
  return batch.some(({ operation: { orgId }, plan: { calendar, bookedAtMs } }) => {
    const { fromMs, untilMs } = windowSpan(calendar, expected(orgId));
    return bookedAtMs === undefined && (nowMs(orgId) < fromMs || nowMs(orgId) >= untilMs);
  });
}

function isCalendarStale(batch: readonly Planned[], state: BatchState): boolean {
  return batch.some(({ operation, plan }) => {
    const org = state.organizations.get(operation.orgId);
    return org !== undefined && !isSameCalendar(plan.calendar, org.calendar);
  });
}

/** Whether a derived meter was created while a plan of its organization is older than the policies. */
function isOvertaken(
  batch: readonly Planned[],
  sums: readonly MeterSum[],
  state: BatchState,
): boolean {
  return sums.some(
    ({ orgId }, index) =>
      state.meters[index]?.isFilled === false &&
      batch.some(
        ({ operation, plan }) =>
          operation.orgId === orgId && plan.epoch !== state.organizations.get(orgId)?.epoch,
      ),
  );
}

function staleResult(
  { orgId, requestId }: Planned['operation'],
  state: BatchState,
): OperationResult {
  const known = state.calls.get(callKey(orgId, requestId));
  return { kind: 'replan', known, epoch: state.organizations.get(orgId)?.epoch ?? 0 };
}
