import { expect, test } from 'vitest';
import { conclude } from '../../../src/core/conclude.ts';
import { planCheck } from '../../../src/core/plan-check.ts';
import type { CheckPlan } from '../../../src/core/plan.ts';
import { createLimitMemory } from '../../../src/ledger/operations/limit-memory.ts';
import { callOf, viewOf } from '../../support/view.ts';

const user = { id: 'u' };

/** A Check of one user under limits of its own and of the organization. */
function planOf(id = user.id): CheckPlan {
  const limits = [{ name: 'day', metric: 'REQUESTS' as const, amount: 5n }];
  const policies = { org: { limits }, [`user:${id}`]: { limits } };
  return planCheck(viewOf({ users: [{ id }], policies }), callOf({ user: id }), Date.now());
}

function statuses(plan: CheckPlan, ...said: ('OK' | 'NEAR')[]): Parameters<Memory['learn']>[2] {
  const empty = { inFlight: 0n, window: () => ({ ...zero }) };
  const { limits } = conclude(plan, () => empty, Date.now(), Date.now());
  return { limits: limits.map((limit, index) => ({ ...limit, status: said[index] ?? 'OK' })) };
}

type Memory = ReturnType<typeof createLimitMemory>;
const zero = {
  usedCost: 0n,
  usedInput: 0n,
  usedOutput: 0n,
  usedRequests: 0n,
  heldCost: 0n,
  heldInput: 0n,
  heldOutput: 0n,
};

test('a limit is near until a Check finds it OK, also for calls that are planned again, in its organization only', () => {
  const memory = createLimitMemory();
  const plan = planOf();
  expect(plan.limits).toHaveLength(2);
  memory.learn('acme', plan, statuses(plan, 'OK', 'NEAR'), false);
  expect(memory.hasNearLimit('acme', planOf())).toBe(true);
  expect(memory.hasNearLimit('other', plan)).toBe(false);
  memory.learn('acme', plan, statuses(plan), false);
  expect(memory.hasNearLimit('acme', planOf())).toBe(false);
});

test('calls on the same meters are refused until one of them is not', () => {
  const memory = createLimitMemory();
  const plan = planOf();
  memory.learn('acme', plan, statuses(plan), true);
  expect(memory.wasRefused('acme', planOf())).toBe(true);
  expect(memory.wasRefused('acme', planOf('v'))).toBe(false);
  expect(memory.wasRefused('other', plan)).toBe(false);
  memory.learn('acme', plan, statuses(plan), false);
  expect(memory.wasRefused('acme', planOf())).toBe(false);
});

/* Planted once, and seen red: a memory of ten times as many keys as configured. */
test('what is remembered is bounded over all organizations, and the last met is kept', () => {
  const memory = createLimitMemory(300);
  const plan = planOf();
  const near = statuses(plan, 'NEAR', 'NEAR');
  const organizations = Array.from({ length: 10_000 }, (_, number) => `org-${number}`);
  for (const orgId of organizations) memory.learn(orgId, plan, near, true);
  // Two limits and one set of meters each.
  const kept = organizations.slice(-100);
  expect(organizations.filter((orgId) => memory.hasNearLimit(orgId, plan))).toEqual(kept);
  expect(organizations.filter((orgId) => memory.wasRefused(orgId, plan))).toEqual(kept);
});
