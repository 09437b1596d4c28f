import type { CallPath, Estimate, TargetFacts } from './call.ts';
import type { OrganizationView } from './organization-view.ts';
import { bypassOf } from './plan-check.ts';
import type { CheckPlan } from './plan.ts';
import { meteredLimits } from './planned-limits.ts';
import { priceUsage } from './price.ts';

/** The hold that is to be extended. */
export interface OpenHold {
  readonly path: CallPath;
  readonly target: TargetFacts;
  /** The Check's estimate and what was added since. */
  readonly estimate: Estimate;
  /** When and by which policies the call was priced. */
  readonly epoch: number;
  readonly bookedAtMs: number;
}

/**
 * Plans an Extend: limits and flags of now, windows and price of the hold. It asks what is added; the cost
 * added is the cost of the total less the cost before. What asks 0 is not judged: a call under way counts
 * no second request and no second slot.
 */
export function planExtend(
  view: OrganizationView,
  hold: OpenHold,
  added: Estimate,
  nowMs: number,
): CheckPlan {
  const { path, target, estimate: before } = hold;
  const total = sumOf(before, added);
  const price = (usage: Estimate): bigint =>
    priceUsage(view, path, target, usage, hold.epoch, hold.bookedAtMs).cost;
  const costBefore = price(before);
  const costOf = (usage: Estimate): bigint => price(usage) - costBefore;
  const cost = isCostGiven(before) ? (added.cost ?? 0n) : (added.cost ?? costOf(total));
  const output = added.output ?? 0n;
  const outputBefore = before.output ?? 0n;
  return {
    epoch: view.epoch,
    calendar: view.organization.calendar,
    path,
    target,
    ...meteredLimits(view, path, target),
    estimate: total,
    asks: {
      CONCURRENCY: 0n,
      REQUESTS: 0n,
      TOKENS: added.input + output,
      INPUT_TOKENS: added.input,
      OUTPUT_TOKENS: output,
      COST: cost,
    },
    hold: { cost, input: added.input, output },
    reasons: [],
    bypass: bypassOf(view, path, nowMs),
    costOfOutput:
      added.cost === undefined && !isCostGiven(before)
        ? (tried) => costOf({ ...total, output: outputBefore + tried })
        : undefined,
    priceRevision: undefined,
    storeContent: view.organization.storeContent,
  };
}

function isCostGiven(estimate: Estimate): boolean {
  return estimate.cost !== undefined;
}

function sumOf(before: Estimate, added: Estimate): Estimate {
  return {
    input: before.input + added.input,
    output: (before.output ?? 0n) + (added.output ?? 0n),
    cachedInput: before.cachedInput + added.cachedInput,
    cacheWrite: before.cacheWrite + added.cacheWrite,
    cost: before.cost === undefined ? undefined : before.cost + (added.cost ?? 0n),
  };
}
