import type { Estimate } from './call.ts';
import type { PriceRevision, Rates } from './catalog.ts';

/** Rates of units are for so many of them. */
const perUnits = 1_000_000n;

/** The cost of one call in nano-USD: all parts summed exactly, rounded once, half to even. */
export function costOf(price: PriceRevision, usage: Estimate): bigint {
  const rate = ratesFor(price, usage.input);
  if (rate === undefined) return 0n;
  const ofRequests = usage.requests * rate.perRequest * price.perTokens;
  const sum = inputSum(rate, usage) + outputSum(rate, usage) + ofRequests;
  if (usage.units.length === 0) return divideHalfEven(sum, price.perTokens);
  return divideHalfEven(sum * (perUnits / price.perTokens) + unitSum(rate, usage), perUnits);
}

/** Whether a call has a unit that a price has no rate for. */
export function lacksUnitRate(price: PriceRevision, { input, units }: Estimate): boolean {
  if (units.length === 0) return false;
  const rates = ratesFor(price, input)?.units ?? [];
  return units.some(({ name }) => !rates.some((unit) => unit.name === name));
}

/** What is read from a cache or written to one is a part of the input, with a price of its own. */
function inputSum(rate: Rates, { input, cachedInput, cacheWrite, cacheWrite1h }: Estimate): bigint {
  if (cachedInput === 0n && cacheWrite === 0n) return input * rate.input;
  const ofWrite = rate.cacheWrite ?? rate.input;
  return (
    (input - cachedInput - cacheWrite) * rate.input +
    cachedInput * (rate.cachedInput ?? rate.input) +
    (cacheWrite - cacheWrite1h) * ofWrite +
    cacheWrite1h * (rate.cacheWrite1h ?? ofWrite)
  );
}

/**
 * What the output costs. How much of it will be reasoning is not known before: then all of it is at the higher of
 * the two prices, so that what is held is never less than what the call may cost.
 */
function outputSum(rate: Rates, { output = 0n, reasoningOutput }: Estimate): bigint {
  const ofReasoning = rate.reasoningOutput ?? rate.output;
  if (reasoningOutput === undefined) {
    return output * (ofReasoning > rate.output ? ofReasoning : rate.output);
  }
  return (output - reasoningOutput) * rate.output + reasoningOutput * ofReasoning;
}

function unitSum(rate: Rates, { units }: Estimate): bigint {
  let sum = 0n;
  for (const { name, count } of units) {
    sum += count * (rate.units.find((unit) => unit.name === name)?.rate ?? 0n);
  }
  return sum;
}

/** The rates of the highest context-length tier that the input is above; the first tier is for all below. */
export function ratesFor({ rates }: PriceRevision, input: bigint): Rates | undefined {
  let [chosen] = rates;
  for (const rate of rates) if (input > rate.aboveInputTokens) chosen = rate;
  return chosen;
}

/** Division of non-negative numbers, rounded half to even. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const isUp = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return isUp ? quotient + 1n : quotient;
}
