import { describe, expect, it } from 'vitest';
import { planCheck } from '../../src/core/plan-check.ts';
import type { CheckPlan } from '../../src/core/plan.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall } from '../support/view.ts';

function plan(call: SaidCall, said: Said): CheckPlan {
  const models = [{ id: 'gpt-4o' }, { id: 'new' }];
  return planCheck(viewOf({ models, ...said }), callOf(call), 0);
}

describe('units', () => {
  const image = [{ name: 'image', count: 2n }];
  const rated = { input: 1_000_000n, units: [{ name: 'image', rate: 7_000_000n }] };
  const cap = (action: 'BLOCK' | 'WARN' = 'BLOCK') => ({
    'user:alice': { limits: [{ name: 'cap', metric: 'COST' as const, amount: 9n, action }] },
  });
  const of = (call: SaidCall, rates: object, more: Said = {}) =>
    plan(
      { user: 'alice', units: image, ...call },
      { prices: [{ subject: 'gpt-4o', rates: [rates] }], ...more },
    );

  it('are asked at their rates, and leave the tokens unknown', () => {
    const { asks, hold, reasons } = of({}, rated, { policies: cap() });
    expect(asks).toMatchObject({ COST: 14n, TOKENS: 1n, INPUT_TOKENS: 1n, OUTPUT_TOKENS: 1n });
    expect(hold).toEqual({ cost: 14n, input: 0n, output: 1n });
    expect(reasons).toEqual([]);
  });

  // Planted, one by one: no reason, the whole cost 0, no nano-dollar for what rounds to nothing.
  it('without a rate refuse the call where a BLOCK limit on cost applies that nothing lifts', () => {
    const rest = { input: 1_000_000n };
    expect(of({ input: 5n }, rest, { policies: cap() }).reasons).toEqual(['MODEL_UNPRICED']);
    expect(of({ input: 5n, cost: 3n }, rest, { policies: cap() })).toMatchObject({
      reasons: [],
      asks: { COST: 3n },
    });
    const lifted = { 'user:alice': { ...cap()['user:alice'], bypass: { cost: true } } };
    for (const policies of [{}, cap('WARN'), lifted]) {
      expect(of({ input: 5n, output: 0n }, rest, { policies })).toMatchObject({
        reasons: [],
        hold: { cost: 5n },
      });
    }
  });

  it('without a rate cost nothing under ZERO, and the rest what it costs', () => {
    const organization = { unpriced: 'ZERO' } as const;
    const said = { organization, policies: cap() };
    const rest = { input: 1_000_000n };
    expect(of({ input: 5n, output: 0n }, rest, said)).toMatchObject({
      reasons: [],
      asks: { COST: 5n },
    });
    expect(of({}, rest, said).asks.COST).toBe(1n);
    expect(of({}, {}, said).asks.COST).toBe(0n);
    expect(plan({ target: 'new', units: image }, said).asks.COST).toBe(0n);
  });

  it('of a route group are those of its dearest member, and unpriced if any member lacks a rate', () => {
    const price = (subject: string, rates: object) => ({ subject, rates: [rates] });
    const world = {
      models: [{ id: 'gpt-4o' }, { id: 'talker' }],
      routeGroups: [{ id: 'chat', members: ['gpt-4o', 'talker'] }],
      prices: [price('gpt-4o', { input: 3_000_000n }), price('talker', rated)],
    };
    const call = { target: 'chat', user: 'alice', output: 0n, units: image };
    expect(plan({ ...call, input: 5n }, { ...world, policies: cap() }).reasons).toEqual([
      'MODEL_UNPRICED',
    ]);
    const organization = { unpriced: 'ZERO' } as const;
    const cost = (input: bigint) => plan({ ...call, input }, { ...world, organization }).asks.COST;
    expect([5n, 7n, 9n].map(cost)).toEqual([19n, 21n, 27n]);
  });
});
