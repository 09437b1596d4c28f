import { unknownEstimate } from './call.ts';
import type { Estimate } from './call.ts';
import type { PriceEpochs } from './catalog.ts';
import type { OrganizationView } from './organization-view.ts';
import { lessOwn, ownPart } from './own-part.ts';
import type { HeldParts } from './own-part.ts';
import { priceUsage } from './price.ts';
import type { PricedCall, PricedCost } from './price.ts';
import { noUnits } from './units.ts';

/** A call whose provider reported no usage: what was held for it, and as of when it is priced. */
export interface UnreportedCall extends HeldParts, PricedCall {
  readonly priceEpochs: PriceEpochs;
  readonly bookedAtMs: number;
}

/** What is booked in place of usage. */
export interface AssumedUsage {
  readonly usage: Estimate;
  readonly priced: Pick<PricedCost, 'cost' | 'priceRevision' | 'unpriced'>;
}

const nothing: Estimate = { ...unknownEstimate, output: 0n, reasoningOutput: 0n, requests: 0n };
const unpricedNothing = { cost: 0n, priceRevision: undefined, unpriced: false };

/** What is booked for a call of which nothing was ever held: nothing. */
export const nothingAssumed: AssumedUsage = { usage: nothing, priced: unpricedNothing };

/**
 * What is booked of a hold in place of usage, by the organization's rule. HELD: the hold as it stands. INPUT: its input,
 * priced, without costs that the caller gave. `inTheEnd` is the call as it was served: if the Report says that
 * this was by another target, provider or service tier than the Check asked for, what is booked is priced by that, but for
 * costs that the caller gave.
 */
export function assumedUsage(
  view: OrganizationView,
  call: UnreportedCall,
  rule: 'HELD' | 'INPUT',
  inTheEnd: PricedCall,
): AssumedUsage {
  const { held, estimate, priceEpochs, bookedAtMs } = call;
  const booked = (part: Estimate): Estimate => (rule === 'HELD' ? part : inputOf(part));
  const whole = booked({ ...estimate, input: held.input, output: held.output, cost: undefined });
  const price = (part: Estimate): PricedCost =>
    priceUsage(view, inTheEnd, part, priceEpochs, bookedAtMs);
  const own = ownPart(call);
  const priced = priceWithout(own && booked(own), whole, estimate.cost !== undefined, price);
  const ownCost = rule === 'HELD' ? (own?.cost ?? 0n) : 0n;
  if (rule === 'HELD' && isServedAsChecked(call, inTheEnd)) {
    return { usage: whole, priced: { ...priced, cost: held.cost, unpriced: false } };
  }
  return { usage: whole, priced: { ...priced, cost: ownCost + priced.cost } };
}

function isServedAsChecked(checked: PricedCall, inTheEnd: PricedCall): boolean {
  const providerOf = ({ served, target }: PricedCall) => served.provider ?? target.provider;
  return (
    checked.target.name === inTheEnd.target.name &&
    checked.served.serviceTier === inTheEnd.served.serviceTier &&
    providerOf(checked) === providerOf(inTheEnd)
  );
}

/**
 * Prices the part of a hold whose cost the caller did not give. What the request itself costs belongs to the Check, so
 * to the caller's part if that one gave a cost: then the rest is what the whole costs more than the caller's part.
 */
function priceWithout(
  own: Estimate | undefined,
  whole: Estimate,
  isCheckOwn: boolean,
  price: (part: Estimate) => PricedCost,
): AssumedUsage['priced'] {
  if (own === undefined) return price(whole);
  const rest = lessOwn(whole, own);
  if (!isCheckOwn) return price(rest);
  if (isNothing(rest)) return unpricedNothing;
  const ofWhole = price(whole);
  const cost = ofWhole.cost - price({ ...own, cost: undefined }).cost;
  // A unit without a rate among what the caller gave the cost of makes nothing unpriced.
  return { ...ofWhole, unpriced: price(rest).unpriced, cost: cost > 0n ? cost : 0n };
}

function inputOf(part: Estimate): Estimate {
  return { ...part, output: 0n, units: noUnits };
}

/** Parts of the input are not above it. */
function isNothing({ input, output, units }: Estimate): boolean {
  return input === 0n && output === 0n && units.length === 0;
}
