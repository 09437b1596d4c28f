import type { CallPath, CallRequest, Estimate, TargetFacts } from './call.ts';
import { meterOf } from './meter.ts';
import { nextChangeMs } from './next-change.ts';
import type { OrganizationView } from './organization-view.ts';
import { resolvePath } from './path.ts';
import type { Asks, CheckPlan } from './plan.ts';
import { limitsOn, meteredLimits } from './planned-limits.ts';
import type { MeteredLimits } from './planned-limits.ts';
import { priceUsage } from './price.ts';
import type { PricedCall, PricedCost } from './price.ts';
import type { Reason } from './reason.ts';
import type { EffectiveLimit } from './resolve.ts';
import { orgSubject } from './subject.ts';
import { limitsWithRaises } from './standing-limits.ts';
import { targetFacts } from './target.ts';

/** Everything about a call that is known before the counters are read. */
export function planCheck(view: OrganizationView, request: CallRequest, nowMs: number): CheckPlan {
  const { path, reasons: pathReasons, stop } = resolvePath(view, request, nowMs);
  const target = targetFacts(view, request.target);
  const metered = stop
    ? { path, target, meters: [meterOf(orgSubject)], limitsAt: noLimits, accessReasons: [] }
    : meteredLimits(view, path, target);
  const bypass = bypassOf(view, path, nowMs);
  const call = { path, target, served: request.served };
  const requested = askOf(view, call, request.estimate, nowMs);
  const reasons = stop
    ? pathReasons
    : [...pathReasons, ...modelReasons(view, metered, bypass, requested.priced.unpriced)];
  const standing = metered.limitsAt(nowMs);
  return {
    epoch: view.epoch,
    priceEpochs: view.priceEpochs,
    calendar: view.organization.calendar,
    fromMs: standing.fromMs,
    untilMs: Math.min(standing.untilMs, nextChangeMs(view, call, nowMs)),
    windowsAtMs: undefined,
    path: metered.path,
    target: metered.target,
    served: request.served,
    meters: metered.meters,
    limits: standing.limits,
    estimate: requested.estimate,
    asks: requested.asks,
    hold: requested.hold,
    settledNow: request.settleNow === true ? requested.priced : undefined,
    reasons,
    bypass,
    costOfOutput: requested.costOfOutput,
    priceRevision: requested.priced.priceRevision,
    storeContent: view.organization.storeContent,
  };
}

const noLimits = limitsWithRaises([], []);

/**
 * The reasons of the model rules, in order of precedence, and the missing price where a BLOCK limit on COST
 * needs one.
 */
export function modelReasons(
  view: OrganizationView,
  { path, target, accessReasons }: Pick<MeteredLimits, 'path' | 'target' | 'accessReasons'>,
  bypass: CheckPlan['bypass'],
  unpriced: boolean,
): readonly Reason[] {
  const found = bypass.models ? [] : accessReasons;
  const wantsPrice = unpriced && view.organization.unpriced === 'DENY' && !bypass.cost;
  const isRefused = wantsPrice && limitsOn(view, path, target).some(isBlockOnCost);
  return isRefused ? [...found, 'MODEL_UNPRICED'] : found;
}

function isBlockOnCost({ limit }: EffectiveLimit): boolean {
  return limit.metric === 'COST' && limit.action === 'BLOCK';
}

/** The bypass flags in force on the path: those of user, principal and keys add up. `until` itself is past. */
export function bypassOf(
  view: OrganizationView,
  path: CallPath,
  nowMs: number,
): CheckPlan['bypass'] {
  const flags = { cost: false, rate: false, tokens: false, models: false };
  const add = (kind: 'user' | 'principal' | 'key', id: string | undefined): void => {
    const bypass = id === undefined ? undefined : view.policy({ kind, id })?.bypass;
    if (bypass === undefined || (bypass.untilMs !== undefined && nowMs >= bypass.untilMs)) return;
    flags.cost ||= bypass.cost;
    flags.rate ||= bypass.rate;
    flags.tokens ||= bypass.tokens;
    flags.models ||= bypass.models;
  };
  add('user', path.user);
  add('principal', path.principal);
  for (const key of path.keys) add('key', key);
  return flags;
}

/** What a call asks and holds. */
export interface Requested {
  /** With the output that is assumed where the caller gave none. */
  readonly estimate: Estimate;
  readonly asks: Asks;
  readonly hold: CheckPlan['hold'];
  /** The estimate as it is priced, whatever is asked at least. */
  readonly priced: PricedCost;
  readonly costOfOutput: CheckPlan['costOfOutput'];
}

/** What a call asks: its estimate, defaults where it is silent, and at least one unit of what it will use. */
export function askOf(
  view: OrganizationView,
  call: PricedCall,
  said: Estimate,
  nowMs: number,
): Requested {
  const output = said.output ?? defaultOutput(view, call.target);
  const estimate: Estimate = { ...said, output };
  const price = (of: Estimate): ReturnType<typeof priceUsage> =>
    priceUsage(view, call, of, view.priceEpochs, nowMs);
  const priced = price(estimate);
  // Where a price lacks only the rate of a unit, the rest costs what it costs.
  const isWithoutPrice = priced.unpriced && priced.priceRevision === undefined;
  const isZero = priced.free || (isWithoutPrice && view.organization.unpriced === 'ZERO');
  const requestedCost = (cost: bigint): bigint => (isZero ? 0n : atLeastOne(cost));
  const cost = requestedCost(priced.cost);
  const isUnknown = said.input === 0n && output === 0n;
  return {
    estimate,
    asks: {
      CONCURRENCY: 1n,
      REQUESTS: said.requests,
      TOKENS: atLeastOne(said.input + output),
      INPUT_TOKENS: atLeastOne(said.input),
      OUTPUT_TOKENS: atLeastOne(output),
      COST: cost,
    },
    hold: { cost, input: said.input, output: isUnknown ? 1n : output },
    costOfOutput:
      said.cost === undefined
        ? (tried) => requestedCost(price({ ...estimate, output: tried }).cost)
        : undefined,
    priced,
  };
}

/** The target's own default, else the organization's; a route group asks the organization's. 0 is unknown. */
function defaultOutput(view: OrganizationView, target: TargetFacts): bigint {
  const own = view.model(target.name)?.defaultOutputTokens;
  return own ?? view.organization.defaultOutputTokens;
}

function atLeastOne(number: bigint): bigint {
  return number > 0n ? number : 1n;
}
