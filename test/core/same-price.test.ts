import { describe, expect, it } from 'vitest';
import { isSamePrice, isZero } from '../../src/core/price.ts';
import { priceOf } from '../support/view.ts';
import type { SaidPrice } from '../support/view.ts';

describe('two prices are the same', () => {
  const rates = { input: 2_000n, output: 8_000n };
  const price = (said: Partial<SaidPrice> = {}) =>
    priceOf({ subject: 'm', rates: [rates], ...said });

  it('per thousand tokens and per million', () => {
    const perThousand = { perTokens: 1_000n as const, rates: [{ input: 2n, output: 8n }] };
    expect(isSamePrice(price(), price(perThousand))).toBe(true);
    expect(isSamePrice(price(perThousand), price())).toBe(true);
    expect(isSamePrice(price(), price({ rates: perThousand.rates }))).toBe(false);
  });

  it('if what is left out costs what stands in for it', () => {
    const inFull = { ...rates, cachedInput: 2_000n, cacheWrite: 2_000n, reasoningOutput: 8_000n };
    expect(isSamePrice(price(), price({ rates: [inFull] }))).toBe(true);
    expect(isSamePrice(price({ rates: [inFull] }), price())).toBe(true);
  });

  it.each([
    'input',
    'output',
    'cachedInput',
    'cacheWrite',
    'cacheWrite1h',
    'reasoningOutput',
    'perRequest',
    'aboveInputTokens',
  ] as const)('only with the same %s', (part) => {
    const other = price({ rates: [{ ...rates, [part]: 7n }] });
    expect(isSamePrice(price(), other)).toBe(false);
    expect(isSamePrice(other, price())).toBe(false);
    expect(isSamePrice(other, other)).toBe(true);
  });

  it.each([
    'input',
    'output',
    'cachedInput',
    'cacheWrite',
    'cacheWrite1h',
    'reasoningOutput',
  ] as const)('only with the same %s, where nothing stands in for anything else', (part) => {
    const inFull = {
      ...rates,
      cachedInput: 1_000n,
      cacheWrite: 3_000n,
      cacheWrite1h: 5_000n,
      reasoningOutput: 9_000n,
    };
    const other = price({ rates: [{ ...inFull, [part]: 7n }] });
    expect(isSamePrice(price({ rates: [inFull] }), other)).toBe(false);
    expect(isSamePrice(other, price({ rates: [inFull] }))).toBe(false);
  });

  it('only with the same units, each at the same rate, whatever the tokens are per', () => {
    const of = (...units: [string, bigint][]) =>
      price({ rates: [{ ...rates, units: units.map(([name, rate]) => ({ name, rate })) }] });
    const image = of(['image', 7n]);
    const perThousand = {
      perTokens: 1_000n as const,
      rates: [{ input: 2n, output: 8n, units: [{ name: 'image', rate: 7n }] }],
    };
    expect(isSamePrice(image, price(perThousand))).toBe(true);
    // Planted: with a missing rate taken for 0, an import would not append a unit that is free.
    for (const other of [
      of(),
      of(['image', 8n]),
      of(['search', 7n]),
      of(['a', 0n], ['image', 7n]),
    ]) {
      expect(isSamePrice(image, other)).toBe(false);
      expect(isSamePrice(other, image)).toBe(false);
    }
    expect(isSamePrice(of(), of(['image', 0n]))).toBe(false);
  });

  it('an hour of a cache costs what a write costs where it is left out', () => {
    const inFull = { ...rates, cacheWrite: 3_000n, cacheWrite1h: 3_000n };
    expect(
      isSamePrice(price({ rates: [inFull] }), price({ rates: [{ ...rates, cacheWrite: 3_000n }] })),
    ).toBe(true);
    expect(isSamePrice(price(), price({ rates: [{ ...rates, cacheWrite1h: 2_000n }] }))).toBe(true);
  });

  it('only with as many lengths of input, each the same', () => {
    const long = { ...rates, aboveInputTokens: 200_000n };
    const two = price({ rates: [rates, long] });
    expect(isSamePrice(two, price())).toBe(false);
    expect(isSamePrice(price(), two)).toBe(false);
    expect(isSamePrice(two, price({ rates: [rates, { ...long, output: 9_000n }] }))).toBe(false);
    expect(isSamePrice(two, two)).toBe(true);
  });
});

describe('a price is zero', () => {
  const free = { input: 0n, output: 0n };
  const unit = (rate: bigint) => ({ units: [{ name: 'image', rate }] });
  const isFree = (...rates: SaidPrice['rates'] & object) =>
    isZero(priceOf({ subject: 'm', rates }));

  it('if all its parts are', () => {
    expect(isFree(free)).toBe(true);
    expect(isFree({ ...free, cachedInput: 0n, cacheWrite: 0n, ...unit(0n) })).toBe(true);
  });

  it.each([
    { input: 1n },
    { output: 1n },
    { cachedInput: 1n },
    { cacheWrite: 1n },
    { cacheWrite1h: 1n },
    { reasoningOutput: 1n },
    { perRequest: 1n },
    unit(1n),
    { units: [...unit(0n).units, { name: 'search', rate: 1n }] },
  ])('but not with %o', (part) => {
    expect(isFree({ ...free, ...part })).toBe(false);
  });

  it('but not if it costs something past some length of input, or before', () => {
    const long = { ...free, aboveInputTokens: 200_000n };
    expect(isFree(free, long)).toBe(true);
    expect(isFree(free, { ...long, output: 1n })).toBe(false);
    expect(isFree({ ...free, output: 1n }, long)).toBe(false);
  });
});
