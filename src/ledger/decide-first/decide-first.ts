import type { ClientBase } from 'pg';
import { windows } from '../../core/policy.ts';
import { isSameCalendar } from '../../core/window.ts';
import { BatchDeltas } from '../meters/batch-deltas.ts';
import type { MeterSum } from '../meters/batch-deltas.ts';
import { windowSpan } from '../meters/call-delta.ts';
import type { CallDelta } from '../meters/call-delta.ts';
import { callKey } from '../calls/call-key.ts';
import { lockAndRead, rollback, writeAndCommit } from './flights.ts';
import type { BatchState } from './flights.ts';
import type { EventWriter } from '../events/event-writer.ts';
import { localFaults } from '../../db/wire/local-fault.ts';
import { fillMeters } from './fill.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { Fate, Planned } from '../lane/lane.ts';
import type { DecisionContext, Verdict } from '../operations/operation.ts';
import type { OrganizationTime } from '../lane/organization-time.ts';
import { readPastWindows, withPast } from './past-windows.ts';
import type { PastTotals } from './past-windows.ts';
import { deltaOf, totalsByMeter, totalsOf } from '../meters/batch-totals.ts';
import type { MeterRows } from '../meters/batch-totals.ts';
import type { RunningTotals } from '../meters/running-totals.ts';
import { tellSaturated } from '../meters/saturated-meters.ts';

/** What a batch is run with. */
export interface BatchOptions {
  readonly client: ClientBase;
  readonly events: EventWriter;
  /** False: a batch of Checks alone may be forgotten by a crash of the database. */
  readonly durableHolds: boolean;
  readonly time: OrganizationTime;
  readonly monotonicMs: () => number;
  /** Told when all rows of the batch are locked. */
  onLocked?(): void;
  /** Told when all is sent, the commit last: what is sent now finds this batch done or undone. */
  onSent(): void;
  /** Told of each meter of a batch whose sums have reached the largest int64. */
  readonly onSaturated?: ((orgId: string, meter: string) => void) | undefined;
  /** Told what a call is after the commit. */
  remember(call: KnownCall): void;
}

/** One planned operation with its delta at the batch's time. */
interface Member {
  readonly planned: Planned;
  readonly delta: CallDelta;
}

/**
 * Runs a batch as one transaction: adds every ask, locks thereby, reads what can no longer change, decides
 * in order of arrival, takes back what was refused, writes, commits.
 *
 * One fate per operation, in order. Throws what the database threw; then nothing has happened.
 */
export async function runBatch(batch: readonly Planned[], options: BatchOptions): Promise<Fate[]> {
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
    const state = await lockAndRead(client, sums, batch);
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
      return batch.map(({ operation }) => staleFate(operation, state));
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
    return walk.fates;
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

/** Whether a derived meter was born while some plan of its organization is older than its policies. */
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

function staleFate({ orgId, requestId }: Planned['operation'], state: BatchState): Fate {
  const known = state.calls.get(callKey(orgId, requestId));
  return { kind: 'replan', known, epoch: state.organizations.get(orgId)?.epoch ?? 0 };
}

/** What the walk leaves to be written. */
export interface Walk {
  readonly fates: Fate[];
  readonly verdicts: Verdict[];
  readonly calls: KnownCall[];
  readonly events: Verdict['events'][number][];
  /** Takes back what was refused, adds what was too large to be added first. */
  readonly corrections: BatchDeltas;
  corrected: boolean;
  /** When an organization's usage is recorded: now, but in no day that is rolled up. */
  readonly recordedAt: (orgId: string) => number;
}

/** What was read under the locks, and of windows that are over. */
interface ReadState extends BatchState {
  readonly past: ReadonlyMap<Planned, PastTotals | 'later'>;
  /** The time of each organization in this batch. */
  readonly timeOf: (orgId: string) => number;
}

function walkMembers(
  members: readonly Member[],
  rows: MeterRows,
  state: ReadState,
  time: OrganizationTime,
): Walk {
  const walk: Walk = {
    fates: [],
    verdicts: [],
    calls: [],
    events: [],
    corrections: new BatchDeltas(),
    corrected: false,
    recordedAt: (orgId) =>
      Math.max(state.timeOf(orgId), state.organizations.get(orgId)?.recordFromMs ?? 0),
  };
  localFaults(() => {
    for (const member of members) walk.fates.push(walkOne(member, rows, state, time, walk));
  });
  return walk;
}

function walkOne(
  member: Member,
  rows: MeterRows,
  state: ReadState,
  time: OrganizationTime,
  walk: Walk,
): Fate {
  const { planned, delta } = member;
  const { operation, plan } = planned;
  const org = state.organizations.get(operation.orgId);
  const ofOrg = rows.get(operation.orgId);
  if (org === undefined || ofOrg === undefined) throw new Error('an organization without a row');
  const totals = totalsOf(plan.meters, ofOrg);
  const known = state.calls.get(callKey(operation.orgId, operation.requestId));
  const past = state.past.get(planned);
  const isAhead = isRolledAhead(member, totals, time);
  const nowMs = state.timeOf(operation.orgId);
  const isOld =
    org.epoch !== plan.epoch ||
    known?.version !== plan.known?.version ||
    (plan.untilMs !== undefined && nowMs >= plan.untilMs);
  if (isOld || isAhead || past === 'later') {
    if (!plan.isAddedAfter) correct(walk, operation.orgId, delta, -1n);
    return { kind: 'replan', known, epoch: org.epoch };
  }
  const context = withPast(contextOf(totals, nowMs, org.onExpiry), past);
  const verdict = plan.decide(context);
  settle(walk, operation.orgId, member, verdict, totals);
  if (verdict.eventsAfter !== undefined) walk.events.push(...verdict.eventsAfter(context));
  walk.verdicts.push(verdict);
  walk.events.push(...verdict.events);
  const call = verdict.insert ?? verdict.update;
  if (call !== undefined) walk.calls.push(call);
  return { kind: 'done', answer: verdict.answer };
}

/** Lets a verdict's delta join the running totals, or takes it back from the rows. */
function settle(
  walk: Walk,
  orgId: string,
  { planned, delta }: Member,
  verdict: Verdict,
  totals: readonly RunningTotals[],
): void {
  if (!verdict.stays) {
    if (!planned.plan.isAddedAfter) correct(walk, orgId, delta, -1n);
    return;
  }
  if (planned.plan.isAddedAfter) correct(walk, orgId, delta, 1n);
  for (const meter of totals) meter.add(delta);
  if (verdict.extra === undefined) return;
  const extra: CallDelta = { ...delta, inFlight: 0n, counters: verdict.extra };
  correct(walk, orgId, extra, 1n);
  for (const meter of totals) meter.add(extra);
}

function correct(walk: Walk, orgId: string, delta: CallDelta, sign: 1n | -1n): void {
  if (delta.inFlight === 0n && delta.counters.every((counter) => counter === 0n)) return;
  walk.corrections.add(orgId, delta, sign);
  walk.corrected = true;
}

/** Whether a meter has entered a window that starts later than now: the database's clock was set back. */
function isRolledAhead(
  { planned, delta }: Member,
  totals: readonly RunningTotals[],
  time: OrganizationTime,
): boolean {
  if (planned.plan.bookedAtMs !== undefined) return false;
  let isAhead = false;
  for (const meter of totals) {
    for (let index = 0; index < windows.length - 1; index += 1) {
      const startMs = meter.startMs(index);
      if (startMs <= (delta.starts[index] ?? 0)) continue;
      time.entered(planned.operation.orgId, startMs);
      isAhead = true;
    }
  }
  return isAhead;
}

function contextOf(
  totals: readonly RunningTotals[],
  nowMs: number,
  onExpiry: 'RELEASE' | 'CHARGE',
): DecisionContext {
  const at = (index: number): RunningTotals => {
    const found = totals[index];
    if (found === undefined) throw new Error(`a plan has no meter ${index}`);
    return found;
  };
  return {
    nowMs,
    onExpiry,
    totals: at,
    startMs: (index, window) => at(index).startMs(window),
  };
}
