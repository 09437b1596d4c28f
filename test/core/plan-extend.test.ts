import { describe, expect, it } from 'vitest';
import type { Estimate } from '../../src/core/call.ts';
import { conclude } from '../../src/core/conclude.ts';
import { resolvePath } from '../../src/core/path.ts';
import { planExtend } from '../../src/core/plan-extend.ts';
import type { CheckPlan } from '../../src/core/plan.ts';
import { asCataloged } from '../../src/core/served-by.ts';
import { targetFacts } from '../../src/core/target.ts';
import { totalsOf } from '../support/totals.ts';
import { callOf, estimateOf, viewOf } from '../support/view.ts';
import type { Said, SaidLimit } from '../support/view.ts';

const world: Said = {
  epoch: 9,
  models: [{ id: 'gpt-4o' }],
  prices: [
    { subject: 'gpt-4o', perTokens: 1_000n, rates: [{ input: 1_000n, output: 2_000n }] },
    { subject: 'gpt-4o', revision: 2, epoch: 5, perTokens: 1_000n, rates: [{ input: 9_000n }] },
  ],
};

/** How much is held does not decide what an Extend asks for. */
const held = { cost: 0n, input: 0n, output: 0n };

function plan(before: Partial<Estimate>, added: Partial<Estimate>, said: Said = {}): CheckPlan {
  const view = viewOf({ ...world, ...said });
  const { path } = resolvePath(view, callOf({ user: 'alice' }), 0);
  const target = targetFacts(view, 'gpt-4o');
  const hold = {
    path,
    target,
    served: asCataloged,
    estimate: estimateOf(before),
    held,
    priceEpochs: { own: 1, platform: 0 },
    bookedAtMs: 0,
  };
  return planExtend(view, hold, estimateOf({ requests: 0n, ...added }), 1_000);
}

const before = { input: 500n, output: 500n };

describe('an extension', () => {
  it('asks what is added, by the price of its Check, and no second request or slot', () => {
    const { asks, hold, estimate, epoch } = plan(before, { input: 10n, output: 600n });
    expect(asks).toEqual({
      CONCURRENCY: 0n,
      REQUESTS: 0n,
      TOKENS: 610n,
      INPUT_TOKENS: 10n,
      OUTPUT_TOKENS: 600n,
      COST: 1_210n,
    });
    expect(hold).toEqual({ cost: 1_210n, input: 10n, output: 600n });
    expect(estimate).toMatchObject({ input: 510n, output: 1_100n, cost: undefined });
    expect(epoch).toBe(9);
  });

  it('gets the ends of the windows of its hold, and a retry time only before they end', () => {
    const limit: SaidLimit = { name: 'cap', metric: 'OUTPUT_TOKENS', window: 'DAY', amount: 5n };
    const made = plan(before, { output: 5n }, { policies: { org: { limits: [limit] } } });
    const spent = totalsOf(made.meters, { org: { usedOutput: 1n } });
    const dayMs = 86_400_000;
    const at = (nowMs: number) => conclude(made, spent, nowMs, nowMs);
    expect(at(1_000)).toMatchObject({
      decision: 'DENY',
      limits: [{ resetsAtMs: dayMs }],
      retryAfterMs: dayMs - 1_000,
    });
    for (const nowMs of [dayMs, dayMs + 1_000]) {
      expect(at(nowMs).limits[0]?.resetsAtMs).toBe(dayMs);
      expect(at(nowMs).retryAfterMs).toBeUndefined();
    }
  });

  it('adds its cached tokens to those before, and names the price of its Check', () => {
    const cached = { input: 100n, cachedInput: 40n, cacheWrite: 10n };
    const { estimate, priceRevision, reasons } = plan(cached, { ...cached, output: 1n });
    expect(estimate).toMatchObject({ input: 200n, cachedInput: 80n, cacheWrite: 20n });
    expect(priceRevision).toBe('MODEL gpt-4o 1');
    expect(plan(cached, { output: 1n, cost: 5n }).priceRevision).toBeUndefined();
    expect(reasons).toEqual([]);
  });

  it('costs the difference of the totals, so that roundings do not add up', () => {
    const prices = [{ subject: 'gpt-4o', perTokens: 1_000n as const, rates: [{ output: 400n }] }];
    const cost = (from: bigint) => plan({ output: from }, { output: 1n }, { prices }).asks.COST;
    expect([0n, 1n, 2n, 3n, 4n].map(cost)).toEqual([0n, 1n, 0n, 1n, 0n]);
  });

  it('costs what the caller says, on top of what it said before', () => {
    const said = plan({ ...before, cost: 100n }, { output: 1n, cost: 50n });
    expect(said.asks.COST).toBe(50n);
    expect(said.estimate.cost).toBe(150n);
    expect(said.costOfOutput).toBeUndefined();
  });

  it('is priced by its tokens where the caller said a cost only before', () => {
    const { asks, estimate } = plan({ ...before, cost: 100n }, { output: 7n });
    expect(asks.COST).toBe(14n);
    expect(estimate.cost).toBe(100n);
  });

  it('counts from nothing where the output was not known', () => {
    const { asks, estimate, costOfOutput } = plan({ input: 5n }, { output: 7n });
    expect([asks.COST, estimate.output, costOfOutput?.(3n)]).toEqual([14n, 7n, 6n]);
  });

  it('of an unpriced target costs nothing more', () => {
    expect(plan({ ...before, cost: 100n }, { output: 7n }, { prices: [] }).asks.COST).toBe(0n);
  });

  it('gives nothing back where a longer context is cheaper', () => {
    const rates = [{ input: 9_000n }, { aboveInputTokens: 100n, input: 1_000n }];
    const prices = [{ subject: 'gpt-4o', perTokens: 1_000n as const, rates }];
    expect(plan({ input: 100n }, { input: 1n }, { prices }).asks.COST).toBe(0n);
  });
});

describe('units that an extension adds', () => {
  const rates = { output: 2_000n, units: [{ name: 'image', rate: 40_000_000n }] };
  const prices = [{ subject: 'gpt-4o', perTokens: 1_000n as const, rates: [rates] }];
  const units = (image: bigint, search = 0n) =>
    [
      { name: 'image', count: image },
      { name: 'search', count: search },
    ].filter(({ count }) => count > 0n);
  const cap = { limits: [{ name: 'cap', metric: 'COST' as const, amount: 10_000n }] };
  const policies = { 'user:alice': cap };

  it('join those before, and cost their rates', () => {
    const made = plan({ units: units(2n), requests: 5n }, { units: units(1n) }, { prices });
    expect(made.estimate).toMatchObject({ units: units(3n), requests: 5n });
    expect(made.hold).toEqual({ cost: 40n, input: 0n, output: 0n });
    expect(plan({ units: units(2n) }, { output: 1n }, { prices }).estimate.units).toEqual(
      units(2n),
    );
  });

  // Planted: no reasons at all, and the units of the Check judged again.
  it('are refused without a rate, as at a Check, but not for what the Check brought', () => {
    const said = { prices, policies };
    const reasons = (added: Partial<Estimate>, more: Said = {}, from = units(1n)) =>
      plan({ units: from }, added, { ...said, ...more }).reasons;
    expect(reasons({ units: units(0n, 1n) })).toEqual(['MODEL_UNPRICED']);
    expect(reasons({ units: units(1n, 1n) })).toEqual(['MODEL_UNPRICED']);
    expect(reasons({ units: units(0n, 1n) }, { prices: [] })).toEqual(['MODEL_UNPRICED']);
    expect(reasons({ output: 1n }, { prices: [] })).toEqual([]);
    expect(reasons({ units: units(0n, 1n), cost: 3n })).toEqual([]);
    expect(reasons({ units: units(1n), output: 1n }, {}, units(0n, 1n))).toEqual([]);
    expect(reasons({ units: units(0n, 1n) }, { policies: {} })).toEqual([]);
    expect(reasons({ units: units(0n, 1n) }, { organization: { unpriced: 'ZERO' } })).toEqual([]);
    const bypass = { cost: true };
    expect(
      reasons({ units: units(0n, 1n) }, { policies: { 'user:alice': { ...cap, bypass } } }),
    ).toEqual([]);
  });

  it('leave the affordable output to what is left beside them', () => {
    const made = plan({}, { output: 9_000n, units: units(100n) }, { prices, policies });
    const outcome = conclude(made, totalsOf(made.meters), 1_000, 2_000);
    expect(outcome).toMatchObject({ reasons: ['COST_EXCEEDED'], maxOutputTokens: 3_000n });
  });
});

describe('the limits of an extension', () => {
  const all: SaidLimit[] = [
    { name: 'rpd', metric: 'REQUESTS', amount: 0n },
    { name: 'open', metric: 'CONCURRENCY', amount: 0n },
    { name: 'tokens', metric: 'TOKENS', amount: 2_000n },
    { name: 'input', metric: 'INPUT_TOKENS', amount: 0n },
    { name: 'output', metric: 'OUTPUT_TOKENS', amount: 1_400n },
    { name: 'cost', metric: 'COST', amount: 3_000n },
  ];
  const policies = { 'user:alice': { limits: all } };
  const held = { heldInput: 500n, heldOutput: 500n, heldCost: 1_500n };

  function decide(added: Partial<Estimate>, more: Said['policies'] = {}) {
    const made = plan(before, added, { policies: { ...policies, ...more } });
    return conclude(made, totalsOf(made.meters, { 'user:alice': held }), 1_000, 2_000);
  }

  it('are those that something is asked of', () => {
    expect(decide({ output: 600n }).limits.map(({ name }) => name)).toEqual([
      'tokens',
      'output',
      'cost',
    ]);
    expect(decide({ output: 600n })).toMatchObject({ decision: 'ALLOW', heldCost: 1_200n });
    expect(decide({}).limits).toEqual([]);
  });

  it('refuse it with their own reasons and the output that would still fit', () => {
    expect(decide({ output: 1_001n })).toMatchObject({
      decision: 'DENY',
      reasons: ['TOKENS_EXCEEDED', 'COST_EXCEEDED'],
      maxOutputTokens: 750n,
      retryAfterMs: 86_399_000,
    });
  });

  it('come from a team that has since been put above its own, and bind as any other', () => {
    const teams = [{ id: 'red', parent: 'new' }, { id: 'new' }];
    const own: SaidLimit = { name: 'own', metric: 'COST', amount: 10n, window: 'WEEK' };
    const cap: SaidLimit = { name: 'cap', metric: 'COST', amount: 10n, for: { kind: 'TEAM' } };
    const policies = { 'team:red': { limits: [own] }, 'team:new': { limits: [cap] } };
    const view = viewOf({ ...world, teams, policies });
    const { path } = resolvePath(viewOf({}), callOf({ teams: ['red'] }), 0);
    const target = targetFacts(view, 'gpt-4o');
    const hold = {
      path,
      target,
      served: asCataloged,
      estimate: estimateOf(before),
      priceEpochs: { own: 1, platform: 0 },
      bookedAtMs: 0,
      held: { cost: 0n, input: 0n, output: 0n },
    };
    const made = planExtend(view, hold, estimateOf({ output: 2n }), 1_000);
    const { decision, limits, binding } = conclude(made, totalsOf(made.meters), 1_000, 2_000);
    expect([decision, limits.map(({ name }) => name)]).toEqual(['ALLOW', ['cap', 'own']]);
    expect(limits[binding ?? -1]?.name).toBe('cap');
  });

  it('are lifted by the flags of now', () => {
    const bypass = { cost: true, tokens: true };
    const lifted = { 'user:alice': { limits: all, bypass } };
    expect(decide({ output: 5_000n }, lifted).decision).toBe('ALLOW');
  });
});
