import { expect, test } from 'vitest';
import { Client } from 'pg';
import type { PolicyEdit } from '../../../src/policies/policy-changes.ts';
import { change, limit, policy } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

/** Puts one limit, narrowed so that a meter of its own goes with it, on each of many users. */
function edits(count: number, targets: readonly string[]): PolicyEdit[] {
  return Array.from({ length: count }, (_, index) => {
    const subject = { kind: 'user', id: `u${index}` } as const;
    const edited = { policy: policy(subject, [limit('rpd', { targets })]) };
    return { subject, field: 'subject', content: edited, edit: () => edited };
  });
}

/** How many statements run until work is done. */
async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  const prototype = Client.prototype as { query: (...args: unknown[]) => unknown };
  const { query } = prototype;
  let count = 0;
  prototype.query = function counted(this: unknown, ...args: unknown[]): unknown {
    count += 1;
    return query.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype.query = query;
  }
  return count;
}

/**
 * The organization is locked meanwhile, so its Checks wait. Planted, and seen red: a DELETE of derived meters for each
 * policy that loses them.
 */
test('a thousand policies take as many statements as two', async () => {
  const run = (count: number, targets: readonly string[]) =>
    fresh.store.changePolicies(fresh.org, edits(count, targets), change);
  await run(1000, ['a']);
  const two = await statementsOf(() => run(2, ['b']));
  const thousand = await statementsOf(() => run(1000, ['c']));
  expect(thousand).toBe(two);
  const { items } = await fresh.store.listPolicies(fresh.org, { size: 1000, token: undefined });
  expect(items.every((item) => item.policy.limits[0]?.targets[0] === 'c')).toBe(true);
  expect(await fresh.epoch()).toBe(4);
});
