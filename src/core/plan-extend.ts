import type { Estimate } from './call.ts';
import type { PriceEpochs } from './catalog.ts';
import { nextChangeMs } from './next-change.ts';
import type { OrganizationView } from './organization-view.ts';
import { ownPartAfter, sumOf } from './own-part.ts';
import type { HeldParts } from './own-part.ts';
import { bypassOf, modelReasons } from './plan-check.ts';
import type { Asks, CheckPlan } from './plan.ts';
import { meteredLimits } from './planned-limits.ts';
import { priceUsage } from './price.ts';
import type { PricedCall } from './price.ts';

/** The hold that is to be extended. */
export interface OpenHold extends HeldParts, PricedCall {
  /** When and by which policies the call was priced. */
  readonly priceEpochs: PriceEpochs;
  readonly bookedAtMs: number;
}

/** The plan of an Extend. */
export interface ExtendPlan extends CheckPlan {
  /** The part of the hold whose cost the caller gave, once it is extended; undefined: none. */
  readonly own: Estimate | undefined;
}

/**
 * Plans an Extend: limits and flags of now, windows and price of the hold. It asks what is added; the cost
 * added, unless the caller says it, is the cost of the total less the cost before. What asks 0 is not
 * judged: a call under way counts no second request and no second slot. A unit that the hold's price has no rate
 * for is refused as at a Check.
 */
export function planExtend(
  view: OrganizationView,
  hold: OpenHold,
  added: Estimate,
  nowMs: number,
): ExtendPlan {
  const { path, target, served, estimate: before } = hold;
  const total = sumOf(before, added);
  const price = (usage: Estimate): ReturnType<typeof priceUsage> => {
    const tokens = { ...usage, cost: undefined };
    return priceUsage(view, hold, tokens, hold.priceEpochs, hold.bookedAtMs);
  };
  const costBefore = price(before).cost;
  const costAdded = (after: Estimate): bigint => atLeastZero(price(after).cost - costBefore);
  const asks = asksOf(added, added.cost ?? costAdded(total));
  const isUnrated =
    added.cost === undefined &&
    added.units.length > 0 &&
    price({ ...total, units: added.units }).unpriced;
  const { meters, limitsAt } = meteredLimits(view, path, target);
  const standing = limitsAt(nowMs);
  const bypass = bypassOf(view, path, nowMs);
  const outputBefore = before.output ?? 0n;
  return {
    epoch: view.epoch,
    priceEpochs: hold.priceEpochs,
    calendar: view.organization.calendar,
    fromMs: standing.fromMs,
    untilMs: Math.min(standing.untilMs, nextChangeMs(view, hold, nowMs)),
    windowsAtMs: hold.bookedAtMs,
    path,
    target,
    served,
    meters,
    limits: standing.limits.filter(({ limit }) => asks[limit.metric] !== 0n),
    estimate: total,
    asks,
    hold: { cost: asks.COST, input: asks.INPUT_TOKENS, output: asks.OUTPUT_TOKENS },
    settledNow: undefined,
    // The target was granted at the Check; only what is added may want a price that there is none for.
    reasons: isUnrated
      ? modelReasons(view, { path, target, accessReasons: [] }, bypass, isUnrated)
      : [],
    bypass,
    costOfOutput:
      added.cost === undefined
        ? (tried) => costAdded({ ...total, output: outputBefore + tried })
        : undefined,
    priceRevision: added.cost === undefined ? price(total).priceRevision : undefined,
    storeContent: view.organization.storeContent,
    own: ownPartAfter(hold, added),
  };
}

function asksOf(added: Estimate, cost: bigint): Asks {
  const output = added.output ?? 0n;
  return {
    CONCURRENCY: 0n,
    REQUESTS: 0n,
    TOKENS: added.input + output,
    INPUT_TOKENS: added.input,
    OUTPUT_TOKENS: output,
    COST: cost,
  };
}

/** A price that falls above some length may cost less in total; a hold is not made smaller by that. */
function atLeastZero(cost: bigint): bigint {
  return cost > 0n ? cost : 0n;
}
