import { describe, expect, it } from 'vitest';
import { lessOwn, ownPart, ownPartAfter, sumOf } from '../../src/core/own-part.ts';
import { estimateOf } from '../support/view.ts';

const image = (count: bigint) => [{ name: 'image', count }];
const search = (count: bigint) => [{ name: 'search', count }];
const whole = estimateOf({
  input: 100n,
  output: 50n,
  cachedInput: 20n,
  cacheWrite: 30n,
  cacheWrite1h: 10n,
  units: [...image(3n), ...search(2n)],
  requests: 4n,
});
const part = estimateOf({
  input: 40n,
  output: 5n,
  cachedInput: 7n,
  cacheWrite: 11n,
  cacheWrite1h: 3n,
  units: image(3n),
  requests: 0n,
  cost: 9n,
});

describe('two estimates', () => {
  it('add up in all their parts, and cost what the first one says', () => {
    const sum = { input: 140n, output: 55n, cachedInput: 27n, cacheWrite: 41n, cacheWrite1h: 13n };
    const units = [...image(6n), ...search(2n)];
    const all = { ...sum, reasoningOutput: undefined, units, requests: 4n };
    expect(sumOf(whole, part)).toEqual({ ...all, cost: undefined });
    expect(sumOf(part, whole)).toEqual({ ...all, cost: 9n });
    expect(sumOf(part, part).cost).toBe(18n);
    expect(sumOf(estimateOf({}), estimateOf({})).output).toBe(0n);
  });

  it('differ in all their parts, without a cost', () => {
    expect(lessOwn(whole, part)).toEqual({
      input: 60n,
      output: 45n,
      reasoningOutput: undefined,
      cachedInput: 13n,
      cacheWrite: 19n,
      cacheWrite1h: 7n,
      units: search(2n),
      requests: 4n,
      cost: undefined,
    });
    expect(lessOwn(estimateOf({}), estimateOf({})).output).toBe(0n);
  });
});

describe('the part of a hold whose cost the caller gave', () => {
  const held = { cost: 9n, input: 100n, output: 1n };

  it('is all of a Check that gave one, as it was held', () => {
    expect(ownPart({ estimate: whole, held })).toBeUndefined();
    const estimate = { ...whole, output: undefined, cost: 9n };
    expect(ownPart({ estimate, held })).toEqual({ ...estimate, output: 1n });
    expect(ownPart({ estimate, held, own: part })).toBe(part);
  });

  it('grows by an Extend that gives one, and by no other', () => {
    const before = { estimate: whole, held };
    expect(ownPartAfter(before, estimateOf({ output: 3n }))).toBeUndefined();
    expect(ownPartAfter(before, estimateOf({ cost: 2n }))).toEqual(
      estimateOf({ cost: 2n, output: 0n }),
    );
    const own = ownPartAfter({ ...before, own: part }, part);
    expect(own).toMatchObject({ cost: 18n, units: image(6n), requests: 0n, cacheWrite1h: 6n });
  });
});
