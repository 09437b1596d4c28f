import { expect, it } from 'vitest';
import { changedQuotas } from '../../src/core/changed-quotas.ts';
import type { Limit } from '../../src/core/policy.ts';
import { policyOf } from '../support/view.ts';

const limits = (...all: (readonly [name: string, metric: Limit['metric'], amount?: bigint])[]) =>
  policyOf('user:alice', {
    limits: all.map(([name, metric, amount = 1n]) => ({ name, metric, amount })),
  }).limits;

it('takes the limits of a quota together, and others each by itself', () => {
  const before = limits(
    ['hour.cost', 'COST'],
    ['hour.tokens', 'TOKENS'],
    ['a', 'COST'],
    ['b', 'COST'],
  );
  const after = limits(
    ['hour.cost', 'COST', 2n],
    ['a', 'COST'],
    ['c.cost', 'TOKENS'],
    ['d', 'COST'],
  );
  const found = changedQuotas(before, after).map(({ name, revoked, limits: now }) => [
    name,
    revoked,
    now.map((limit) => limit.name),
  ]);
  expect(found).toEqual([
    ['hour', false, ['hour.cost']],
    ['b', true, ['b']],
    ['c.cost', false, ['c.cost']],
    ['d', false, ['d']],
  ]);
  expect(changedQuotas(after, after)).toEqual([]);
});

it('has a window where all limits have the same', () => {
  const [cost, tokens] = limits(['q.cost', 'COST'], ['q.tokens', 'TOKENS']);
  if (cost === undefined || tokens === undefined) throw new Error('two limits');
  const windowOf = (all: readonly Limit[]) => changedQuotas([], all)[0]?.window;
  expect(windowOf([cost, tokens])).toBe('DAY');
  expect(windowOf([cost, { ...tokens, window: 'MONTH' }])).toBe(undefined);
});
