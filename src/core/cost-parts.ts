import type { Estimate } from './call.ts';
import type { PriceRevision } from './catalog.ts';
import { ratesFor } from './cost.ts';

/** What parts a cost can have, in the order in which they are listed. */
export const costPartKinds = [
  'INPUT',
  'CACHED_INPUT',
  'CACHE_WRITE',
  'CACHE_WRITE_1H',
  'OUTPUT',
  'REASONING_OUTPUT',
  'REQUESTS',
  'UNIT',
] as const;

/** One part of what a call costs: its amount is its quantity times its rate, not rounded. */
export interface CostPart {
  readonly kind: (typeof costPartKinds)[number];
  /** The name of a unit. */
  readonly unit: string | undefined;
  readonly quantity: bigint;
  /** Of one token, request or unit, in millionths of a nano-USD; undefined: a unit that has no rate costs 0. */
  readonly rate: bigint | undefined;
  /** Millionths of a nano-USD. */
  readonly amount: bigint;
}

const perNano = 1_000_000n;

/**
 * The parts of what a call costs, those that are there. Their sum, rounded half to even to nano-USD, is the cost. Reasoning
 * is a part of its own only where it is known.
 */
export function costParts(price: PriceRevision, usage: Estimate): CostPart[] {
  const rates = ratesFor(price, usage.input);
  if (rates === undefined) return [];
  const perToken = perNano / price.perTokens;
  const { input, cachedInput, cacheWrite, cacheWrite1h, output = 0n, reasoningOutput } = usage;
  const ofWrite = rates.cacheWrite ?? rates.input;
  const ofReasoning = rates.reasoningOutput ?? rates.output;
  const tokens = [
    ['INPUT', input - cachedInput - cacheWrite, rates.input],
    ['CACHED_INPUT', cachedInput, rates.cachedInput ?? rates.input],
    ['CACHE_WRITE', cacheWrite - cacheWrite1h, ofWrite],
    ['CACHE_WRITE_1H', cacheWrite1h, rates.cacheWrite1h ?? ofWrite],
    ['OUTPUT', output - (reasoningOutput ?? 0n), rates.output],
    ['REASONING_OUTPUT', reasoningOutput ?? 0n, ofReasoning],
  ] as const;
  const parts = tokens.map(([kind, quantity, rate]) => part(kind, quantity, rate * perToken));
  parts.push(part('REQUESTS', usage.requests, rates.perRequest * perNano));
  for (const { name, count } of usage.units) {
    const rate = rates.units.find((unit) => unit.name === name)?.rate;
    parts.push({ ...part('UNIT', count, rate ?? 0n), unit: name, rate });
  }
  return parts.filter(({ quantity, kind, amount }) =>
    kind === 'REQUESTS' ? amount > 0n : quantity > 0n,
  );
}

function part(kind: CostPart['kind'], quantity: bigint, rate: bigint): CostPart {
  return { kind, unit: undefined, quantity, rate, amount: quantity * rate };
}
