import { meterParameters } from '../meters/batch-deltas.ts';
import type { BatchOptions } from '../decide-first/decide-first.ts';
import { deltaOf } from '../meters/batch-totals.ts';
import { int4Array, int8Array, plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import { windowSpan } from '../meters/call-delta.ts';
import type { CallDelta } from '../meters/call-delta.ts';
import { newCallParameters, parentOf } from '../calls/call-parameters.ts';
import { localFaults } from '../../db/wire/local-fault.ts';
import { fly } from '../../db/wire/flight.ts';
import type { FlightRows, FlightStatement, Parameter } from '../../db/wire/flight.ts';
import { numbersOf } from '../../db/wire/number-array.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { OperationResult, Planned } from '../lane/planned.ts';
import type { OptimisticPlan } from '../operations/operation.ts';
import { columnsOf, OptimisticMeters } from './expected-meters.ts';
import type { OptimisticMeter } from './expected-meters.ts';
import { limitGuards } from './limit-guards.ts';
import { rowsByKey } from '../../db/wire/rows-by-key.ts';
import { deltaWidth } from '../sql/apply-deltas.ts';
import { usageParameters } from '../record/usage-parameters.ts';
import type { UsageRecord } from '../record/usage-record.ts';
import { agreeOnEpochs, agreeOnRecord, holdCalls, holdUnusualCalls } from '../sql/hold-calls.ts';
import { insertUsage } from '../sql/write-usage.ts';
import { failedGuard, GuardFailed } from './guard-failed.ts';

/** A Check that is written before it is decided. */
interface Member {
  readonly orgId: string;
  readonly planned: Planned;
  readonly optimistic: OptimisticPlan;
  readonly delta: CallDelta;
  readonly meters: readonly OptimisticMeter[];
  readonly call: KnownCall;
}

/**
 * Whether a batch can be written before it is decided: all are Checks that should be allowed, planned for the same
 * windows.
 */
export function isOptimistic(batch: readonly Planned[]): boolean {
  const epochs = new Map<string, number>();
  return batch.every(({ operation, plan, attempt }) => {
    const epoch = epochs.get(operation.orgId) ?? plan.epoch;
    epochs.set(operation.orgId, epoch);
    return attempt === 'first' && plan.optimistic !== undefined && plan.epoch === epoch;
  });
}

/**
 * Runs a batch in one flight, which is one transaction without BEGIN, since it has one Sync: adds every ask and
 * writes every call as one that is allowed, with no limit near. The database makes sure that it is so, or does
 * nothing; then the batch is to be decided first. The decision itself does not change: the process learns the
 * exact sums only after the commit.
 *
 * One result per operation, in order. Throws `GuardFailed` where the database found something else and did nothing,
 * and whatever else made it fail as it is.
 */
export async function runOptimisticBatch(
  batch: readonly Planned[],
  options: BatchOptions,
): Promise<OperationResult[]> {
  const { time, monotonicMs } = options;
  const expected = time.expected();
  const prepared = prepare(batch, options, expected);
  const sentMs = monotonicMs();
  const flight = fly(options.client, prepared.statements);
  options.onSent();
  try {
    const [sums = [], clock = []] = await flight;
    time.read({ databaseNowMs: Number(clock[0]?.[0]), sentMs, receivedMs: monotonicMs() });
    for (const { call } of prepared.members) options.remember(call);
    return confirmed(prepared.members, sums, expected);
  } catch (cause) {
    const guard = failedGuard(cause);
    throw guard === undefined ? cause : new GuardFailed(guard, cause);
  }
}

/** What is sent, and for whom. */
interface Prepared {
  readonly members: readonly Member[];
  readonly statements: readonly FlightStatement[];
}

function prepare(
  batch: readonly Planned[],
  { time, durableHolds }: Pick<BatchOptions, 'time' | 'durableHolds'>,
  expected: (orgId: string) => number,
): Prepared {
  return localFaults(() => {
    const added = new OptimisticMeters();
    const members = batch.map((planned) => memberOf(planned, expected, added));
    const span = time.isDatabase ? timeSpan(members, expected) : always;
    const usage = members.flatMap(({ optimistic, call }) => optimistic.usage?.(call) ?? []);
    const statements = [
      holding(members, added.sorted(), usage.length > 0 || members.some(hasParent)),
      agreeing(members, span),
      ...(usage.length > 0 ? recording(usage, expected) : []),
    ];
    const isForgettable = !durableHolds && usage.length === 0;
    return { members, statements: isForgettable ? [...statements, forgettable] : statements };
  });
}

function memberOf(
  planned: Planned,
  expected: (orgId: string) => number,
  added: OptimisticMeters,
): Member {
  const { operation, plan } = planned;
  const { optimistic } = plan;
  if (optimistic === undefined) throw new Error('an operation that is not optimistic');
  const { orgId } = operation;
  const nowMs = expected(orgId);
  const delta = deltaOf(plan, nowMs);
  const meters = added.add(orgId, delta);
  return { orgId, planned, optimistic, delta, meters, call: optimistic.call(nowMs) };
}

function holding(
  members: readonly Member[],
  meters: readonly OptimisticMeter[],
  isUnusual: boolean,
): FlightStatement {
  const { first, last, cells, since, guarded, most } = limitGuards(members, meters);
  return {
    ...(isUnusual ? holdUnusualCalls : holdCalls),
    values: [
      ...meterParameters(meters),
      int8Array(meters.length * deltaWidth, columnsOf(meters)),
      ...newCallParameters(members.map(({ call }) => call)),
      int4Array(first),
      int4Array(last),
      int4Array(cells),
      int8Array(since.length, [since]),
      int4Array(guarded),
      int8Array(most.length, [most]),
      ...(isUnusual ? unusualParameters(members) : []),
    ],
  };
}

/** The parameters that only `hold-unusual-calls` has. */
function unusualParameters(members: readonly Member[]): Parameter[] {
  return [
    textArray(members.map(({ call }) => call.state)),
    textArray(members.map(({ call }) => parentOf(call))),
  ];
}

function hasParent({ call }: Member): boolean {
  return parentOf(call) !== null;
}

/** Appends what is settled at once to the record, at the time of the calls. */
function recording(
  usage: readonly UsageRecord[],
  expected: (orgId: string) => number,
): FlightStatement[] {
  const orgIds = [...new Set(usage.map(({ orgId }) => orgId))];
  const values = usageParameters(usage, expected);
  return [
    { ...agreeOnRecord, values: [textArray(orgIds), plainArray(orgIds.map(expected))] },
    { ...insertUsage, values, rowCount: usage.length },
  ];
}

/** Between which instants the database's time must be for a batch to be as it was made; the end excluded. */
interface TimeSpan {
  readonly fromMs: bigint | number;
  readonly untilMs: bigint | number;
}

const always: TimeSpan = { fromMs: -(2n ** 63n), untilMs: 2n ** 63n - 1n };

/** How far the database's time may be from the estimate that a batch is made with. */
const toleranceMs = 1000;

/** The same windows for all, no plan over, and near the time that the calls are booked at. */
function timeSpan(members: readonly Member[], expected: (orgId: string) => number): TimeSpan {
  let [fromMs, untilMs] = [0, Number.MAX_SAFE_INTEGER];
  for (const {
    orgId,
    planned: { plan },
  } of members) {
    const nowMs = expected(orgId);
    const span = windowSpan(plan.calendar, nowMs);
    fromMs = Math.max(fromMs, span.fromMs, nowMs - toleranceMs, plan.fromMs ?? fromMs);
    untilMs = Math.min(untilMs, span.untilMs, nowMs + toleranceMs, plan.untilMs ?? untilMs);
  }
  return { fromMs, untilMs };
}

function agreeing(members: readonly Member[], { fromMs, untilMs }: TimeSpan): FlightStatement {
  const epochs = new Map(members.map(({ orgId, planned }) => [orgId, planned.plan.epoch]));
  return {
    ...agreeOnEpochs,
    values: [
      textArray([...epochs.keys()]),
      plainArray([...epochs.values()]),
      String(fromMs),
      String(untilMs),
    ],
  };
}

/** Of this transaction; `SET LOCAL` wants a BEGIN. */
const forgettable: FlightStatement = {
  text: "SELECT set_config('synchronous_commit', 'off', true)",
  values: [],
};

function confirmed(
  members: readonly Member[],
  sums: FlightRows,
  expected: (orgId: string) => number,
): OperationResult[] {
  return localFaults(() => {
    const keys = members.map(({ call }) => [call.orgId, call.requestId] as const);
    const inOrder = rowsByKey(sums, keys);
    return members.map(({ orgId, optimistic }, index): OperationResult => {
      const answer = optimistic.confirm(numbersOf(inOrder[index]?.[2]), expected(orgId));
      return { kind: 'done', answer };
    });
  });
}
