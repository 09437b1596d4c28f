import { windows } from '../../core/policy.ts';
import { localFaults } from '../../db/wire/local-fault.ts';
import { callKey } from '../calls/call-key.ts';
import type { KnownCall } from '../calls/known-call.ts';
import { saturationEvents } from '../events/saturation-events.ts';
import type { OrganizationTime } from '../lane/organization-time.ts';
import type { OperationResult, Planned } from '../lane/planned.ts';
import { BatchDeltas } from '../meters/batch-deltas.ts';
import { totalsOf } from '../meters/batch-totals.ts';
import type { MeterRows } from '../meters/batch-totals.ts';
import type { CallDelta } from '../meters/call-delta.ts';
import type { RunningTotals } from '../meters/running-totals.ts';
import type { DecisionContext, Verdict } from '../operations/operation.ts';
import type { BatchState, OrganizationState } from './batch-state.ts';
import { withPast } from './past-windows.ts';
import type { PastTotals } from './past-windows.ts';

/** One planned operation with its delta at the time that its batch expects. */
export interface Member {
  readonly planned: Planned;
  readonly delta: CallDelta;
}

/** What a batch decided, and what is left to be written. */
export interface Walk {
  readonly results: OperationResult[];
  readonly verdicts: Verdict[];
  readonly calls: KnownCall[];
  readonly events: Verdict['events'][number][];
  /** Takes back what was refused; adds the deltas that are added only after the decision. */
  readonly corrections: BatchDeltas;
  corrected: boolean;
  /** The meters whose saturated sums this batch has reported. */
  readonly saturated: Set<RunningTotals>;
  /** When an organization's usage is recorded: now, but not before what is closed for the roll-up. */
  readonly recordedAt: (orgId: string) => number;
}

/** What was read under the locks, and of windows that are over. */
export interface ReadState extends BatchState {
  readonly past: ReadonlyMap<Planned, PastTotals | 'later'>;
  /** The time of each organization in this batch. */
  readonly timeOf: (orgId: string) => number;
}

/** Decides the members of a batch in order of arrival, each on the sums that those before it leave. */
export function walkMembers(
  members: readonly Member[],
  rows: MeterRows,
  state: ReadState,
  time: OrganizationTime,
): Walk {
  const walk: Walk = {
    results: [],
    verdicts: [],
    calls: [],
    events: [],
    corrections: new BatchDeltas(),
    corrected: false,
    saturated: new Set(),
    recordedAt: (orgId) =>
      Math.max(state.timeOf(orgId), state.organizations.get(orgId)?.recordFromMs ?? 0),
  };
  localFaults(() => {
    for (const member of members) walk.results.push(walkOne(member, rows, state, time, walk));
  });
  return walk;
}

function walkOne(
  member: Member,
  rows: MeterRows,
  state: ReadState,
  time: OrganizationTime,
  walk: Walk,
): OperationResult {
  const { operation, plan } = member.planned;
  const { orgId, requestId } = operation;
  const org = state.organizations.get(orgId);
  const ofOrg = rows.get(orgId);
  if (org === undefined || ofOrg === undefined) throw new Error('an organization without a row');
  const known = state.calls.get(callKey(orgId, requestId));
  const totals = totalsOf(plan.meters, ofOrg);
  const past = state.past.get(member.planned);
  const nowMs = state.timeOf(orgId);
  const isAhead = isRolledAhead(member, totals, time);
  if (isAhead || past === 'later' || isStale(member.planned, org, known, nowMs)) {
    takeBack(walk, member);
    return { kind: 'replan', known, epoch: org.epoch };
  }
  const context = withPast(contextOf(totals, nowMs, org.onExpiry), past);
  if (plan.isDecidedAfter === true) keep(walk, member, undefined, totals);
  const verdict = plan.decide(context);
  if (!verdict.stays) takeBack(walk, member);
  else if (plan.isDecidedAfter !== true) keep(walk, member, verdict.extra, totals);
  walk.events.push(...verdict.events);
  walk.verdicts.push(verdict);
  const call = verdict.insert ?? verdict.update;
  if (call === undefined) return { kind: 'done', answer: verdict.answer };
  walk.calls.push(call);
  if (verdict.usage !== undefined) {
    walk.events.push(...saturationEvents(call, plan.meters, totals, nowMs, walk.saturated));
  }
  return { kind: 'done', answer: verdict.answer };
}

/** Whether the policies, the call or the time are no longer those that the operation was planned on. */
function isStale(
  { plan }: Planned,
  { epoch }: OrganizationState,
  known: KnownCall | undefined,
  nowMs: number,
): boolean {
  return (
    epoch !== plan.epoch ||
    known?.version !== plan.known?.version ||
    (plan.fromMs !== undefined && nowMs < plan.fromMs) ||
    (plan.untilMs !== undefined && nowMs >= plan.untilMs)
  );
}

/** Undoes what was added before the decision. */
function takeBack(walk: Walk, { planned, delta }: Member): void {
  if (!planned.plan.isAddedAfter) correct(walk, planned.operation.orgId, delta, -1n);
}

/** Adds what the rows do not have yet, and lets the members that follow see all of it. */
function keep(
  walk: Walk,
  { planned, delta }: Member,
  extra: Verdict['extra'],
  totals: readonly RunningTotals[],
): void {
  const { orgId } = planned.operation;
  if (planned.plan.isAddedAfter) correct(walk, orgId, delta, 1n);
  for (const meter of totals) meter.add(delta);
  if (extra === undefined) return;
  const more: CallDelta = { ...delta, inFlight: 0n, counters: extra };
  correct(walk, orgId, more, 1n);
  for (const meter of totals) meter.add(more);
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
