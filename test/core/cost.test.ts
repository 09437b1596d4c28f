import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Estimate } from '../../src/core/call.ts';
import type { Rates } from '../../src/core/catalog.ts';
import { costOf, lacksUnitRate } from '../../src/core/cost.ts';
import { estimateOf, priceOf } from '../support/view.ts';

const tokens = fc.bigInt(0n, 10n ** 13n);
const rate = fc.bigInt(0n, 10n ** 12n);

interface Part {
  readonly amount: bigint;
  readonly rate: bigint;
}

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

  // Planted: cache writes beside the input, as they once were, and the price of a write for those of an hour.
  it('prices cached input and cache writes apart, as parts of the input, or as input', () => {
    const usage = estimateOf({
      input: 1_000n,
      cachedInput: 400n,
      cacheWrite: 300n,
      cacheWrite1h: 100n,
      output: 100n,
    });
    const said = { input: 2_500n, output: 10_000n };
    const cost = (more: Partial<Rates>) =>
      costOf(priceOf({ subject: 'm', perTokens: 1_000n, rates: [{ ...said, ...more }] }), usage);
    const output = 1_000n;
    expect(cost({})).toBe(2_500n + output);
    expect(cost({ cachedInput: 1_250n })).toBe(1_500n + 500n + output);
    expect(cost({ cacheWrite: 3_000n })).toBe(1_750n + 900n + output);
    expect(cost({ cacheWrite1h: 5_000n })).toBe(2_250n + 500n + output);
    const all = { cachedInput: 1_250n, cacheWrite: 3_000n, cacheWrite1h: 5_000n };
    expect(cost(all)).toBe(750n + 500n + 600n + 500n + output);
    expect(cost({ cachedInput: 0n, cacheWrite: 0n })).toBe(750n + output);
  });

  it('prices what was only read from a cache, or only written to one', () => {
    const rates = { input: 1_000n, cachedInput: 100n, cacheWrite: 2_000n, cacheWrite1h: 3_000n };
    const price = priceOf({ subject: 'm', perTokens: 1_000n, rates: [rates] });
    const cost = (parts: Partial<Estimate>) => costOf(price, estimateOf({ input: 10n, ...parts }));
    expect(cost({ cachedInput: 10n })).toBe(1n);
    expect(cost({ cacheWrite: 10n })).toBe(20n);
    expect(cost({ cacheWrite: 10n, cacheWrite1h: 10n })).toBe(30n);
  });

  it('chooses the step of a longer context by all input, what was cached and written included', () => {
    const price = priceOf({
      subject: 'm',
      perTokens: 1_000n,
      rates: [
        { input: 1_000n, cacheWrite1h: 2_000n },
        { aboveInputTokens: 99n, input: 3_000n, units: [{ name: 'image', rate: 1_000_000n }] },
      ],
    });
    const cost = (cachedInput: bigint) =>
      costOf(price, estimateOf({ input: 100n, cachedInput, cacheWrite: 50n, cacheWrite1h: 50n }));
    expect([cost(0n), cost(50n)]).toEqual([300n, 300n]);
    const units = [{ name: 'image', count: 2n }];
    expect([99n, 100n].map((input) => costOf(price, estimateOf({ input, units })))).toEqual([
      99n,
      302n,
    ]);
    expect([99n, 100n].map((input) => lacksUnitRate(price, estimateOf({ input, units })))).toEqual([
      true,
      false,
    ]);
  });

  it('adds what units cost, each at its rate, to parts of a nano-dollar, whatever tokens are per', () => {
    const units = [
      { name: 'image', rate: 40_000_000_000_000n },
      { name: 'sound', rate: 500_000n },
    ];
    const of = (perTokens: 1_000n | 1_000_000n, ...counts: [string, bigint][]) =>
      costOf(
        priceOf({ subject: 'm', perTokens, rates: [{ input: 500n, perRequest: 7n, units }] }),
        estimateOf({ units: counts.map(([name, count]) => ({ name, count })) }),
      );
    for (const perTokens of [1_000n, 1_000_000n] as const) {
      expect(of(perTokens, ['image', 2n])).toBe(80_000_007n);
      expect(of(perTokens, ['image', 1n], ['other', 9n], ['sound', 4n])).toBe(40_000_009n);
      expect([1n, 3n, 5n].map((count) => of(perTokens, ['sound', count]))).toEqual([8n, 8n, 10n]);
    }
    const most = 2n ** 53n;
    expect(of(1_000_000n, ['image', most])).toBe(most * 40_000_000n + 7n);
  });

  it('adds the price of the request itself', () => {
    const price = priceOf({
      subject: 'm',
      perTokens: 1_000n,
      rates: [{ perRequest: 10n, input: 2n }],
    });
    expect(costOf(price, estimateOf({ input: 500n }))).toBe(11n);
    expect(costOf(price, estimateOf({}))).toBe(10n);
    expect(costOf(price, estimateOf({ input: 500n, requests: 6n }))).toBe(61n);
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
        fc.array(part, { minLength: 7, maxLength: 7 }),
        fc.tuple(fc.bigInt(1n, 1_000_000n), rate),
        unit,
        (parts, [requests, perRequest], perTokens) => {
          const [fresh, cached, written, hour, out, thought, image] = parts.map(
            ([amount, rateOf]) => ({ amount, rate: rateOf }),
          ) as [Part, Part, Part, Part, Part, Part, Part];
          const price = priceOf({
            subject: 'm',
            perTokens,
            rates: [
              {
                input: fresh.rate,
                cachedInput: cached.rate,
                cacheWrite: written.rate,
                cacheWrite1h: hour.rate,
                output: out.rate,
                reasoningOutput: thought.rate,
                units: [{ name: 'image', rate: image.rate }],
                perRequest,
              },
            ],
          });
          const cost = costOf(price, {
            input: fresh.amount + cached.amount + written.amount + hour.amount,
            cachedInput: cached.amount,
            cacheWrite: written.amount + hour.amount,
            cacheWrite1h: hour.amount,
            output: out.amount + thought.amount,
            reasoningOutput: thought.amount,
            units: image.amount === 0n ? [] : [{ name: 'image', count: image.amount }],
            requests,
            cost: undefined,
          });
          // The exact cost times a million; the answer is the nearest whole number, the even one of two.
          const million = 1_000_000n;
          const tokensOf = [fresh, cached, written, hour, out, thought];
          const ofTokens = tokensOf.reduce((sum, one) => sum + one.amount * one.rate, 0n);
          const exact =
            ofTokens * (million / perTokens) +
            image.amount * image.rate +
            requests * perRequest * million;
          const error = 2n * (exact - cost * million);
          const distance = error < 0n ? -error : error;
          expect(distance <= million).toBe(true);
          if (distance === million) expect(cost % 2n).toBe(0n);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
