import type { ClientBase } from 'pg';
import { plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import { fly } from '../../db/wire/flight.ts';
import type { FlightStatement } from '../../db/wire/flight.ts';
import { localFaults } from '../../db/wire/local-fault.ts';
import type { FollowingClock } from '../../platform/database-clock.ts';
import type { Planned } from '../lane/planned.ts';
import type { OrganizationTime } from '../lane/organization-time.ts';
import { applyDeltasParameters, BatchDeltas, rowsOf } from '../meters/batch-deltas.ts';
import { deltaOf } from '../meters/batch-totals.ts';
import type { EndingPlan, Plan } from '../operations/operation.ts';
import { agreeOnEnds, endHoldsFirst, giveBackHolds } from '../sql/end-holds-first.ts';
import { chargedUnits } from '../record/units-json.ts';
import { uuidsOf } from '../record/uuids.ts';
import { failedGuard, GuardFailed } from '../write-first/guard-failed.ts';
import type { SweepBatch } from './batch.ts';

/** What holds are ended with. */
export interface EndFirstOptions {
  readonly client: ClientBase;
  readonly clock: FollowingClock;
  readonly time: OrganizationTime;
  readonly monotonicMs: () => number;
}

/** The end of a hold, with what it adds to the meters. */
interface Ending extends EndingPlan {
  readonly orgId: string;
  readonly requestId: string;
  readonly plan: Plan;
}

/** How far an organization's time may be from the database's, ms. */
const toleranceMs = '1000';

/**
 * Ends holds in one flight, which is one transaction without BEGIN, since it has one Sync. The process foresees that
 * each of them is as it was read, and that the policies are those of its plan. The database makes sure of it, or does
 * nothing: then `GuardFailed` is thrown, and the holds are to be ended by a batch that decides first.
 *
 * Undefined where some are to be ended so in any case. Measured against such a batch: two thirds of the process's time,
 * four fifths of the database's; and the organizations are locked for one flight instead of two.
 */
export function endFirst(
  batch: readonly Planned[],
  options: EndFirstOptions,
): Promise<SweepBatch> | undefined {
  const endings = endingsOf(batch);
  return endings === undefined ? undefined : run(endings, options);
}

async function run(
  endings: readonly Ending[],
  { client, clock, time, monotonicMs }: EndFirstOptions,
): Promise<SweepBatch> {
  const nowMs = clock.isDatabase ? undefined : clock.nowMs();
  const statements = localFaults(() => statementsFor(endings, time.expected(), nowMs));
  const sentMs = monotonicMs();
  try {
    const [, [agreed = []] = []] = await fly(client, statements);
    const receivedMs = monotonicMs();
    const [databaseNowMs, waitedMs] = agreed;
    time.read({ databaseNowMs: Number(databaseNowMs), sentMs, receivedMs });
    return {
      results: endings.map(({ answer }) => ({ kind: 'done', answer })),
      workMs: Math.max(0, receivedMs - sentMs - Number(waitedMs)),
    };
  } catch (cause) {
    const guard = failedGuard(cause);
    throw guard === undefined ? cause : new GuardFailed(guard, cause);
  }
}

/** Undefined unless all of them may be ended first, and those of an organization are planned by the same policies. */
function endingsOf(batch: readonly Planned[]): Ending[] | undefined {
  const epochs = new Map<string, number>();
  const endings: Ending[] = [];
  for (const { operation, plan } of batch) {
    const { orgId, requestId } = operation;
    const epoch = epochs.get(orgId) ?? plan.epoch;
    if (plan.ending === undefined || plan.epoch !== epoch) return undefined;
    epochs.set(orgId, epoch);
    endings.push({ ...plan.ending, orgId, requestId, plan });
  }
  return endings;
}

function statementsFor(
  endings: readonly Ending[],
  expected: (orgId: string) => number,
  nowMs: number | undefined,
): FlightStatement[] {
  const deltas = new BatchDeltas();
  const organizations = new Map<string, { readonly epoch: number; readonly atMs: number }>();
  for (const { orgId, plan, counters, hold } of endings) {
    deltas.add(orgId, { ...deltaOf(plan, hold.bookedAtMs), counters });
    const atMs = organizations.get(orgId)?.atMs ?? expected(orgId);
    // The estimate may be a little behind the time at which the database found the hold due.
    organizations.set(orgId, { epoch: plan.epoch, atMs: Math.max(atMs, hold.expiresAtMs) });
  }
  const states = [...organizations.values()];
  const agreeing = [
    textArray([...organizations.keys()]),
    plainArray(states.map(({ epoch }) => epoch)),
    plainArray(states.map(({ atMs }) => atMs)),
    nowMs === undefined ? toleranceMs : null,
  ];
  const at = endings.map(({ orgId }) => organizations.get(orgId)?.atMs ?? 0);
  return [
    { ...giveBackHolds, values: applyDeltasParameters(rowsOf(deltas.sorted())) },
    { ...agreeOnEnds, values: agreeing, rowCount: organizations.size },
    { ...endHoldsFirst, values: [...endingParameters(endings, at), textOf(nowMs)] },
  ];
}

function endingParameters(endings: readonly Ending[], at: readonly number[]) {
  return [
    textArray(endings.map(({ orgId }) => orgId)),
    textArray(endings.map(({ requestId }) => requestId)),
    plainArray(endings.map(({ hold }) => hold.version)),
    plainArray(endings.map(({ isCharged }) => isCharged)),
    textArray(endings.map(({ hold }) => hold.path.user ?? null)),
    textArray(endings.map(({ hold }) => hold.target.name)),
    plainArray(at),
    plainArray(uuidsOf(endings.length, Math.max(...at))),
    textArray(endings.map(({ hold, isCharged }) => chargedUnits(hold, isCharged))),
    textArray(endings.map(({ hold }) => hold.served.provider ?? hold.target.provider ?? null)),
    textArray(endings.map(({ hold }) => hold.served.serviceTier ?? null)),
  ];
}

function textOf(nowMs: number | undefined): string | null {
  return nowMs === undefined ? null : `${nowMs}`;
}
