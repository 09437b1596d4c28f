import { expect, test } from 'vitest';
import { planCheck } from '../../src/core/plan-check.ts';
import { createRandom } from '../support/random.ts';
import { callOf, viewOf } from '../support/view.ts';

const random = createRandom();

function instant(): number {
  return random.between(1, 40);
}

/** An organization in which everything that time can change is at some instant from 1 to 40. */
function randomView() {
  return viewOf({
    users: [{ id: 'ann' }],
    principals: [{ id: 'bot' }],
    keys: [
      { id: 'k', expiresAtMs: random.pick([undefined, instant()]) },
      { id: 'other', expiresAtMs: instant() },
    ],
    models: [{ id: 'm', provider: 'acme-ai' }],
    prices: [
      { subject: 'm', effectiveAtMs: instant(), revision: 1 },
      { subject: 'm', effectiveAtMs: instant(), revision: 2, rates: [{ input: 7n }] },
      { scope: 'PROVIDER_MODEL', subject: 'acme-ai:m', effectiveAtMs: instant(), revision: 3 },
      { scope: 'KEY', subject: 'key:k', effectiveAtMs: instant(), revision: 4 },
      { subject: 'm', serviceTier: 'flex', effectiveAtMs: instant(), revision: 5 },
      { scope: 'PROVIDER_MODEL', subject: 'azure:m', effectiveAtMs: instant(), revision: 6 },
    ],
    policies: {
      org: { limits: [{ name: 'cap', metric: 'COST', window: 'DAY', amount: 100n }] },
      'user:ann': { bypass: { cost: true, untilMs: instant() } },
      'principal:bot': { bypass: { rate: true, untilMs: random.pick([undefined, instant()]) } },
      'key:k': { bypass: { models: true, untilMs: instant() } },
    },
  });
}

/* Red with any of the six kinds of instants left out, and with the prices of a service tier or of the named provider. */
test('a plan is the same at every instant until it says that it changes', () => {
  for (let run = 0; run < 300; run += 1) {
    const view = randomView();
    const served = {
      ...(random.pick([true, false]) && { provider: 'azure' }),
      ...(random.pick([true, false]) && { serviceTier: 'flex' }),
    };
    const key = random.pick(['k', 'other']);
    const subjects = { user: 'ann', principal: 'bot', key };
    const call = callOf({ ...subjects, ...served, target: 'm', input: 5n });
    const told = (nowMs: number): string => {
      const { reasons, bypass, priceRevision, hold } = planCheck(view, call, nowMs);
      const { cost } = hold;
      return JSON.stringify({ reasons, bypass, priceRevision, cost: String(cost) });
    };
    for (let nowMs = 0; nowMs <= 41; nowMs += 1) {
      const { untilMs } = planCheck(view, call, nowMs);
      expect(untilMs).toBeGreaterThan(nowMs);
      for (let later = nowMs; later < Math.min(untilMs, 42); later += 1) {
        expect(told(later)).toBe(told(nowMs));
      }
    }
    expect(planCheck(view, call, 41).untilMs).toBe(Infinity);
  }
});

// Seen red: members of a route group left out, and a token's end left out.
test('a token ends, and a member of a route group gets a price', () => {
  const view = viewOf({
    tokens: [{ id: 't', expiresAtMs: 30 }],
    models: [{ id: 'm' }, { id: 'n' }],
    routeGroups: [{ id: 'chat', members: ['m', 'n'] }],
    prices: [
      { subject: 'm', effectiveAtMs: 10 },
      { subject: 'n', effectiveAtMs: 20 },
      { subject: 'chat', effectiveAtMs: 5 },
    ],
  });
  const credential = view.credential('token', 't');
  if (credential === undefined) throw new Error('there is no such token');
  const grouped = callOf({ target: 'chat', credential });
  expect([0, 10, 20, 30].map((nowMs) => planCheck(view, grouped, nowMs).untilMs)).toEqual([
    10,
    20,
    30,
    Infinity,
  ]);
  const single = callOf({ target: 'm' });
  expect([0, 10].map((nowMs) => planCheck(view, single, nowMs).untilMs)).toEqual([10, Infinity]);
});
