import { affordableOutput } from './affordable.ts';
import { bindingOnAllow, bindingOnDeny } from './binding.ts';
import { int64Room } from './int64-room.ts';
import { isLifted } from './lifted.ts';
import { limitTotals } from './limit-totals.ts';
import type { ConsideredLimit, LimitStatus, Outcome } from './outcome.ts';
import type { Asks, CheckPlan, Hold, PlannedLimit } from './plan.ts';
import type { Metric } from './policy.ts';
import { reasons as allReasons } from './reason.ts';
import type { Reason } from './reason.ts';
import { retryAfter } from './retry-after.ts';
import { maxInt64 } from './totals.ts';
import type { TotalsOf } from './totals.ts';
import { windowAt } from './window.ts';

/** One limit against its meter. */
export interface Judged {
  readonly planned: PlannedLimit;
  readonly used: bigint;
  readonly held: bigint;
  readonly ask: bigint;
  readonly status: LimitStatus;
}

/** What is held for a call that is denied, or settled at once. */
export const nothingHeld: Hold = { cost: 0n, input: 0n, output: 0n };

const reasonOf: Record<Metric, Reason> = {
  CONCURRENCY: 'CONCURRENCY_EXCEEDED',
  REQUESTS: 'REQUESTS_EXCEEDED',
  TOKENS: 'TOKENS_EXCEEDED',
  INPUT_TOKENS: 'TOKENS_EXCEEDED',
  OUTPUT_TOKENS: 'TOKENS_EXCEEDED',
  COST: 'COST_EXCEEDED',
};

/**
 * Decides a planned call on the totals of its meters: allowed unless a reason of the plan holds or a BLOCK
 * limit is exceeded, that is `used + held + ask > amount`. `expiresAtMs` is the end of the hold, if one is made.
 */
export function conclude(
  plan: CheckPlan,
  totals: TotalsOf,
  nowMs: number,
  expiresAtMs: number | undefined,
): Outcome {
  const judged = plan.limits.map((planned) => judge(planned, plan, totals));
  const exceeded = judged.filter(({ status }) => status === 'EXCEEDED');
  const found = new Set<Reason>(plan.reasons);
  for (const { planned } of exceeded) found.add(reasonOf[planned.limit.metric]);
  const overflows = overflowReasons(plan, totals);
  for (const reason of overflows) found.add(reason);
  const reasons = found.size === 0 ? [] : allReasons.filter((reason) => found.has(reason));
  const allowed = reasons.length === 0;
  const limits = judged.map((limit) => considered(limit, plan, allowed, plan.windowsAtMs ?? nowMs));
  if (allowed) return allow(plan, limits, nowMs, expiresAtMs);
  const isTimely = plan.reasons.length === 0 && overflows.length === 0;
  return {
    decision: 'DENY',
    reasons,
    binding: bindingOnDeny(plan, limits, reasons, (metric) => reasonOf[metric]),
    limits,
    warnings: warned(limits),
    retryAfterMs: isTimely ? retryAfter(plan, limits, nowMs) : undefined,
    maxOutputTokens: affordableOutput(plan, totals, reasons),
    storeContent: plan.storeContent,
    heldCost: 0n,
    heldInput: 0n,
    heldOutput: 0n,
    priceRevision: plan.priceRevision,
    decidedAtMs: nowMs,
    expiresAtMs: undefined,
  };
}

/**
 * The outcome of a planned call that was found to leave all its limits OK, from what was used and held of each
 * of them before it, in turn. Throws if a limit is not.
 */
export function concludeOk(
  plan: CheckPlan,
  sums: readonly bigint[],
  nowMs: number,
  expiresAtMs: number | undefined,
): Outcome {
  const limits = plan.limits.map((planned, index) => {
    const [used = 0n, held = 0n] = [sums[2 * index], sums[2 * index + 1]];
    const judged = judgeSums(planned, plan, used, held);
    if (judged.status !== 'OK') throw new Error(`limit ${planned.limit.name} is ${judged.status}`);
    return considered(judged, plan, true, plan.windowsAtMs ?? nowMs);
  });
  return allow(plan, limits, nowMs, expiresAtMs);
}

function allow(
  plan: CheckPlan,
  limits: readonly ConsideredLimit[],
  nowMs: number,
  expiresAtMs: number | undefined,
): Outcome {
  return {
    ...allowance(plan, nowMs, expiresAtMs),
    binding: bindingOnAllow(plan, limits),
    limits,
    warnings: warned(limits),
  };
}

/** What the outcome of an allowed call says beside its limits: known before they are. */
export function allowance(
  plan: Pick<CheckPlan, 'storeContent' | 'hold' | 'settledNow' | 'priceRevision'>,
  nowMs: number,
  expiresAtMs: number | undefined,
): Omit<Outcome, 'binding' | 'limits' | 'warnings'> {
  const held = plan.settledNow === undefined ? plan.hold : nothingHeld;
  return {
    decision: 'ALLOW',
    reasons: [],
    retryAfterMs: undefined,
    maxOutputTokens: undefined,
    storeContent: plan.storeContent,
    heldCost: held.cost,
    heldInput: held.input,
    heldOutput: held.output,
    priceRevision: plan.priceRevision,
    decidedAtMs: nowMs,
    expiresAtMs,
  };
}

function judge(planned: PlannedLimit, plan: CheckPlan, totals: TotalsOf): Judged {
  const { used, held } = limitTotals(planned.limit, totals(planned.meterIndex));
  return judgeSums(planned, plan, used, held);
}

function judgeSums(planned: PlannedLimit, plan: CheckPlan, used: bigint, held: bigint): Judged {
  const { limit } = planned;
  const ask = plan.asks[limit.metric];
  const sum = used + held + ask;
  // Who asks nothing passes, whatever was spent: free calls, and the metrics that an Extend leaves alone.
  const isExceeded = ask !== 0n && sum > limit.amount;
  return { planned, used, held, ask, status: statusOf(limit, sum, isExceeded, plan.bypass) };
}

/** How a limit stands with a sum of what is used, held and asked. */
export function statusOf(
  limit: PlannedLimit['limit'],
  sum: bigint,
  isExceeded: boolean,
  bypass: CheckPlan['bypass'],
): LimitStatus {
  if (!isExceeded) return reached(limit, sum).length > 0 ? 'NEAR' : 'OK';
  switch (limit.action) {
    case 'BLOCK':
      return isLifted(limit, bypass) ? 'BYPASSED' : 'EXCEEDED';
    case 'WARN':
      return 'WARNED';
    case 'DRY_RUN':
      return 'DRY_RUN';
  }
}

/** The thresholds of a limit that a sum has reached. */
function reached(limit: PlannedLimit['limit'], sum: bigint): number[] {
  if (limit.metric === 'CONCURRENCY') return [];
  return limit.thresholds.filter((threshold) => 100n * sum >= BigInt(threshold) * limit.amount);
}

/** The largest sum of use, hold and ask with which a limit is OK: below its thresholds, and not exceeded. */
export function mostThatIsOk({
  metric,
  amount,
  thresholds,
}: Pick<PlannedLimit['limit'], 'metric' | 'amount' | 'thresholds'>): bigint {
  if (metric === 'CONCURRENCY' || thresholds.length === 0) return amount;
  const lowest = BigInt(Math.min(...thresholds)) * amount;
  const most = (lowest + 99n) / 100n - 1n;
  return most < amount ? most : amount;
}

/**
 * The thresholds that are reached: by an allowed Check with its asks, by a settlement without. Whether one was
 * reported before in its window is not known here.
 */
export function crossedThresholds(
  limits: readonly PlannedLimit[],
  totals: TotalsOf,
  asks: Asks | undefined,
): { index: number; threshold: number }[] {
  const crossed: { index: number; threshold: number }[] = [];
  for (const [index, { limit, meterIndex }] of limits.entries()) {
    if (limit.thresholds.length === 0) continue;
    const { used, held } = limitTotals(limit, totals(meterIndex));
    const sum = used + held + (asks === undefined ? 0n : asks[limit.metric]);
    for (const threshold of reached(limit, sum)) crossed.push({ index, threshold });
  }
  return crossed;
}

/** A limit as it is answered, with the end of its window at an instant. */
export function considered(
  judged: Judged,
  plan: Pick<CheckPlan, 'meters' | 'calendar'>,
  allowed: boolean,
  atMs: number,
): ConsideredLimit {
  const { planned, used, held, ask, status } = judged;
  const { limit, subject, revision, meterIndex } = planned;
  const meter = plan.meters[meterIndex];
  if (meter === undefined) throw new Error(`a plan has no meter ${meterIndex}`);
  const { window, name, metric, amount, action } = limit;
  const isEndless = window === undefined || window === 'LIFETIME';
  return {
    subject,
    name,
    revision,
    meter,
    metric,
    window,
    amount,
    raised: planned.raised,
    action,
    used: asInt64(used),
    held: asInt64(held),
    ask: asInt64(ask),
    remaining: remainingOf(amount, used + held, ask, allowed),
    resetsAtMs: isEndless ? undefined : windowAt(plan.calendar, window, atMs).endMs,
    status,
  };
}

/** What is left of a limit: after the ask if the call is allowed, before it if denied; never below 0. */
export function remainingOf(amount: bigint, spent: bigint, ask: bigint, allowed: boolean): bigint {
  const left = amount - spent - (allowed ? ask : 0n);
  return left > 0n ? left : 0n;
}

/** The indexes of the limits to warn of. An exceeded one is the reason of a denial, and no warning. */
export function warned(limits: readonly Pick<ConsideredLimit, 'status'>[]): number[] {
  return limits.flatMap(({ status }, index) =>
    status === 'OK' || status === 'EXCEEDED' ? [] : [index],
  );
}

/** The counters that the call would push beyond int64, limited or not: a denial, never an error. */
function overflowReasons(plan: CheckPlan, totals: TotalsOf): Reason[] {
  const found: Reason[] = [];
  if (plan.reasons.length > 0) return found;
  const { hold } = plan;
  const room = int64Room(plan, totals);
  if (hold.input + hold.output > room.tokens) found.push('TOKENS_EXCEEDED');
  if (hold.cost > room.cost) found.push('COST_EXCEEDED');
  return found;
}

/** Answers have int64. Larger values are decided exactly before they are cut. */
function asInt64(sum: bigint): bigint {
  return sum > maxInt64 ? maxInt64 : sum;
}
