import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rates } from '../../src/core/catalog.ts';
import { costOf } from '../../src/core/price.ts';
import { estimateOf, priceOf } from '../support/view.ts';

const tokens = fc.bigInt(0n, 10n ** 13n);
const rate = fc.bigInt(0n, 10n ** 12n);

describe('the cost of a call', () => {
  it.each([
    [1n, 0n],
    [3n, 2n],
    [5n, 2n],
    [7n, 4n],
  ])('of %i tokens at half a nano-dollar is rounded to the even %i', (input, cost) => {
    const price = priceOf({ subject: 'tiny', rates: [{ input: 500_000n }] });
    expect(costOf(price, estimateOf({ input }))).toBe(cost);
  });

  it('is rounded once, not part by part', () => {
    const price = priceOf({ subject: 'tiny', rates: [{ input: 500_000n, output: 500_000n }] });
    expect(costOf(price, estimateOf({ input: 1n, output: 1n }))).toBe(1n);
  });

  it('prices cached input and cache writes apart, or as input', () => {
    const usage = estimateOf({ input: 1_000n, cachedInput: 400n, cacheWrite: 200n, output: 100n });
    const rates = { input: 2_500n, output: 10_000n };
    const perThousand = { subject: 'm', perTokens: 1_000n as const };
    const plain = priceOf({ ...perThousand, rates: [rates] });
    expect(costOf(plain, usage)).toBe(2_500n + 500n + 1_000n);
    const apart = priceOf({
      ...perThousand,
      rates: [{ ...rates, cachedInput: 1_250n, cacheWrite: 3_125n }],
    });
    expect(costOf(apart, usage)).toBe(1_500n + 500n + 625n + 1_000n);
    const free = priceOf({
      ...perThousand,
      rates: [{ ...rates, cachedInput: 0n, cacheWrite: 0n }],
    });
    expect(costOf(free, usage)).toBe(1_500n + 1_000n);
  });

  it('adds the price of the request itself', () => {
    const price = priceOf({
      subject: 'm',
      perTokens: 1_000n,
      rates: [{ perRequest: 10n, input: 2n }],
    });
    expect(costOf(price, estimateOf({ input: 500n }))).toBe(11n);
    expect(costOf(price, estimateOf({}))).toBe(10n);
  });

  it('takes the rates of a longer context for all tokens, only above its mark', () => {
    const rates = [
      { input: 1_000_000n },
      { aboveInputTokens: 200_000n, input: 2_000_000n },
      { aboveInputTokens: 500_000n, input: 3_000_000n },
    ];
    const price = priceOf({ subject: 'm', rates });
    const cost = (input: bigint) => costOf(price, estimateOf({ input }));
    expect([0n, 200_000n, 200_001n, 500_000n, 500_001n].map(cost)).toEqual([
      0n,
      200_000n,
      400_002n,
      1_000_000n,
      1_500_003n,
    ]);
  });

  it('prices reasoning apart, or as output', () => {
    const usage = estimateOf({ output: 100n, reasoningOutput: 60n });
    const of = (rates: Partial<Rates>, said = usage) =>
      costOf(priceOf({ subject: 'm', perTokens: 1_000n, rates: [rates] }), said);
    expect(of({ output: 10_000n })).toBe(1_000n);
    expect(of({ output: 10_000n, reasoningOutput: 3_000n })).toBe(400n + 180n);
    expect(of({ output: 10_000n, reasoningOutput: 0n })).toBe(400n);
    expect(of({ output: 0n, reasoningOutput: 30_000n })).toBe(1_800n);
    const longer = { aboveInputTokens: 5n, output: 1_000n, reasoningOutput: 2_000n };
    const steps = priceOf({ subject: 'm', perTokens: 1_000n, rates: [{ output: 1n }, longer] });
    expect(costOf(steps, { ...usage, input: 6n })).toBe(40n + 120n);
  });

  // Planted: with the output price alone for what is unknown, a dearer price of reasoning exceeds the hold.
  it('is never more than what was held before the reasoning part was known', () => {
    const usage = fc.record({ input: tokens, output: tokens, reasoning: tokens });
    const rates = fc.record({ input: rate, output: rate, reasoningOutput: fc.option(rate) });
    fc.assert(
      fc.property(usage, rates, (used, { reasoningOutput, ...said }) => {
        const apart = { ...said, reasoningOutput: reasoningOutput ?? undefined };
        const price = priceOf({ subject: 'm', rates: [apart] });
        const { input, output, reasoning } = used;
        const told = reasoning < output ? reasoning : output;
        const held = costOf(price, estimateOf({ input, output }));
        const settled = costOf(price, estimateOf({ input, output, reasoningOutput: told }));
        const plain = costOf(price, estimateOf({ input, output, reasoningOutput: 0n }));
        expect(settled <= held && plain <= held).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the exact sum, rounded half to even, whatever the numbers', () => {
    const part = fc.tuple(tokens, rate);
    const unit = fc.constantFrom(1_000n as const, 1_000_000n as const);
    fc.assert(
      fc.property(
        part,
        part,
        part,
        part,
        part,
        rate,
        unit,
        (fresh, cached, written, out, thought, perRequest, perTokens) => {
          const price = priceOf({
            subject: 'm',
            perTokens,
            rates: [
              {
                input: fresh[1],
                cachedInput: cached[1],
                cacheWrite: written[1],
                output: out[1],
                reasoningOutput: thought[1],
                perRequest,
              },
            ],
          });
          const cost = costOf(price, {
            input: fresh[0] + cached[0],
            cachedInput: cached[0],
            cacheWrite: written[0],
            output: out[0] + thought[0],
            reasoningOutput: thought[0],
            cost: undefined,
          });
          // The exact cost times the unit; the answer is the nearest whole number, the even one of two.
          const exact = [fresh, cached, written, out, thought].reduce(
            (sum, [a, b]) => sum + a * b,
            perRequest * perTokens,
          );
          const error = 2n * (exact - cost * perTokens);
          const distance = error < 0n ? -error : error;
          expect(distance <= perTokens).toBe(true);
          if (distance === perTokens) expect(cost % 2n).toBe(0n);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
