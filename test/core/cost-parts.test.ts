import { expect, test } from 'vitest';
import { costOf } from '../../src/core/cost.ts';
import { costParts } from '../../src/core/cost-parts.ts';
import type { Rates } from '../../src/core/catalog.ts';
import { noUnits } from '../../src/core/units.ts';
import { createRandom } from '../support/random.ts';

const random = createRandom();
const amount = (): bigint => BigInt(random.pick([0, 1, random.between(0, 5_000_000)]));
const maybe = (): bigint | undefined => random.pick([undefined, amount()]);

function randomRates(aboveInputTokens: bigint): Rates {
  return {
    aboveInputTokens,
    input: amount(),
    output: amount(),
    cachedInput: maybe(),
    cacheWrite: maybe(),
    cacheWrite1h: maybe(),
    reasoningOutput: maybe(),
    perRequest: amount(),
    units: random.pick([[], [{ name: 'image', rate: amount() * 1_000_003n }]]),
  };
}

/** Half to even, of millionths. */
function rounded(millionths: bigint): bigint {
  const [whole, rest] = [millionths / 1_000_000n, millionths % 1_000_000n];
  if (rest === 500_000n) return whole + (whole % 2n);
  return rest > 500_000n ? whole + 1n : whole;
}

// Red with writes for an hour counted among the other writes too, and with requests at the rate of tokens.
test('the parts of a cost add up to it, once they are rounded together', () => {
  for (let left = 2_000; left > 0; left -= 1) {
    const cacheWrite1h = amount();
    const cacheWrite = cacheWrite1h + amount();
    const cachedInput = amount();
    const reasoningOutput = amount();
    const usage = {
      input: cachedInput + cacheWrite + amount(),
      output: reasoningOutput + amount(),
      reasoningOutput,
      cachedInput,
      cacheWrite,
      cacheWrite1h,
      units: random.pick([noUnits, [{ name: 'image', count: 3n }], [{ name: 'audio', count: 2n }]]),
      requests: BigInt(random.between(1, 9)),
      cost: undefined,
    };
    const price = {
      perTokens: random.pick([1_000n, 1_000_000n]),
      rates: [randomRates(0n), randomRates(100_000n)],
    } as unknown as Parameters<typeof costOf>[0];
    const parts = costParts(price, usage);
    const sum = parts.reduce((total, part) => total + part.amount, 0n);
    expect(rounded(sum)).toBe(costOf(price, usage));
    for (const { quantity, rate = 0n, amount: own } of parts) expect(own).toBe(quantity * rate);
  }
});
