import { describe, expect, it } from 'vitest';
import { planCheck } from '../../src/core/plan-check.ts';
import type { CheckPlan } from '../../src/core/plan.ts';
import type { Bypass } from '../../src/core/policy.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidLimit } from '../support/view.ts';

const price = { subject: 'gpt-4o', rates: [{ input: 1_000_000_000n, output: 2_000_000_000n }] };
const world: Said = {
  models: [
    { id: 'gpt-4o' },
    { id: 'talker', defaultOutputTokens: 50n },
    { id: 'local' },
    { id: 'new' },
  ],
  routeGroups: [
    { id: 'chat', members: ['gpt-4o', 'talker'] },
    { id: 'mixed', members: ['gpt-4o', 'new'] },
  ],
  prices: [price, { ...price, subject: 'talker' }, { subject: 'local' }],
};

function plan(call: SaidCall = {}, said: Said = {}, nowMs = 0): CheckPlan {
  return planCheck(viewOf({ ...world, ...said }), callOf(call), nowMs);
}

describe('what a call asks', () => {
  it('is its estimate, and one of each kind that it counts', () => {
    const { asks, hold, estimate } = plan({ input: 1_000n, output: 500n });
    expect(asks).toEqual({
      CONCURRENCY: 1n,
      REQUESTS: 1n,
      TOKENS: 1_500n,
      INPUT_TOKENS: 1_000n,
      OUTPUT_TOKENS: 500n,
      COST: 2_000_000n,
    });
    expect(hold).toEqual({ cost: 2_000_000n, input: 1_000n, output: 500n });
    expect(estimate).toMatchObject({ input: 1_000n, output: 500n, cost: undefined });
  });

  it.each<[string, SaidCall]>([
    ['is not said', {}],
    ['is said to be nothing', { input: 0n, output: 0n }],
  ])('is one unit where the estimate %s', (_, call) => {
    const { asks, hold } = plan(call);
    expect([asks.TOKENS, asks.INPUT_TOKENS, asks.OUTPUT_TOKENS, asks.COST]).toEqual([
      1n,
      1n,
      1n,
      1n,
    ]);
    expect(hold).toEqual({ cost: 1n, input: 0n, output: 1n });
  });

  it('holds no output where input alone is known', () => {
    const { asks, hold } = plan({ input: 7n });
    expect(asks).toMatchObject({ TOKENS: 7n, OUTPUT_TOKENS: 1n, COST: 7_000n });
    expect(hold).toEqual({ cost: 7_000n, input: 7n, output: 0n });
  });

  it('is a nano-dollar where the cost rounds to nothing', () => {
    const prices = [{ subject: 'gpt-4o', rates: [{ input: 1n }] }];
    expect(plan({ input: 1n, output: 0n }, { prices }).asks.COST).toBe(1n);
  });

  it('assumes the output of the model, else of the organization, and of that alone for route groups', () => {
    const organization = { defaultOutputTokens: 300n };
    const output = (call: SaidCall) =>
      plan({ input: 1n, ...call }, { organization }).estimate.output;
    expect(output({ target: 'gpt-4o' })).toBe(300n);
    expect(output({ target: 'talker' })).toBe(50n);
    expect(output({ target: 'chat' })).toBe(300n);
    expect(output({ target: 'unheard-of' })).toBe(300n);
    expect(output({ target: 'talker', output: 0n })).toBe(0n);
  });

  it('counts cache writes as input, once', () => {
    const { asks, hold } = plan({ input: 10n, output: 0n, cacheWrite: 5n, cacheWrite1h: 2n });
    expect(asks).toMatchObject({ TOKENS: 10n, INPUT_TOKENS: 10n, COST: 10_000n });
    expect(hold.input).toBe(10n);
  });

  it('asks its weight of REQUESTS alone', () => {
    const { asks } = plan({ input: 10n, output: 0n, requests: 6n });
    expect(asks).toMatchObject({ REQUESTS: 6n, CONCURRENCY: 1n, TOKENS: 10n, COST: 10_000n });
  });
});

describe('the cost asked', () => {
  it('is the caller’s own, and then nobody offers another output', () => {
    const said = plan({ input: 1_000n, output: 1n, cost: 5n });
    expect(said.asks.COST).toBe(5n);
    expect(said.costOfOutput).toBeUndefined();
    expect(plan({ cost: 0n }).hold.cost).toBe(0n);
  });

  it('is exactly 0 where the price is zero in all its parts', () => {
    expect(plan({ target: 'local', input: 9n, output: 9n }).asks.COST).toBe(0n);
    expect(plan({ target: 'local' }).asks.COST).toBe(0n);
  });

  it('of an unpriced target is one nano-dollar, or 0 where the organization says so', () => {
    expect(plan({ target: 'new', input: 9n }).asks.COST).toBe(1n);
    const organization = { unpriced: 'ZERO' } as const;
    expect(plan({ target: 'new', input: 9n }, { organization }).asks.COST).toBe(0n);
  });

  it('of another output follows the same rules', () => {
    const costs = ['gpt-4o', 'local', 'new'].map((target) =>
      plan({ input: 10n, output: 100n, target }).costOfOutput?.(7n),
    );
    expect(costs).toEqual([24_000n, 0n, 1n]);
  });

  it('may be larger than any amount', () => {
    const { asks } = plan({ input: 2n ** 62n, output: 2n ** 62n });
    expect(asks.COST).toBe(3n * 2n ** 62n * 1_000n);
    expect(asks.TOKENS).toBe(2n ** 63n);
  });

  it('names the price it was made with', () => {
    expect(plan({ input: 1n }).priceRevision).toBe('MODEL gpt-4o 1');
    expect(plan({ target: 'new' }).priceRevision).toBeUndefined();
  });
});

const cappedCost = (
  action: SaidLimit['action'] = 'BLOCK',
  targets: readonly string[] = [],
): Said => ({
  policies: {
    org: {
      limits: [{ name: 'cap', metric: 'COST', amount: 1n, ...(action && { action }), targets }],
    },
  },
});

describe('a missing price', () => {
  it('is a reason while a BLOCK limit on cost applies', () => {
    expect(plan({ target: 'new' }, cappedCost()).reasons).toEqual(['MODEL_UNPRICED']);
    expect(plan({ target: 'mixed' }, cappedCost()).reasons).toEqual(['MODEL_UNPRICED']);
    expect(plan({ target: 'gpt-4o' }, cappedCost()).reasons).toEqual([]);
    expect(plan({ target: 'new' }, cappedCost('BLOCK', ['n*'])).reasons).toEqual([
      'MODEL_UNPRICED',
    ]);
  });

  it('is none where the limit only warns, is of another metric or of other targets', () => {
    expect(plan({ target: 'new' }, cappedCost('WARN')).reasons).toEqual([]);
    expect(plan({ target: 'new' }, cappedCost('DRY_RUN')).reasons).toEqual([]);
    expect(plan({ target: 'new' }, cappedCost('BLOCK', ['gpt-4o'])).reasons).toEqual([]);
    const tokens = { name: 'tokens', metric: 'TOKENS', amount: 1n } as const;
    expect(plan({ target: 'new' }, { policies: { org: { limits: [tokens] } } }).reasons).toEqual(
      [],
    );
  });

  it('is none where the caller gives the cost, the organization says zero, or a flag lifts cost', () => {
    expect(plan({ target: 'new', cost: 9n }, cappedCost()).reasons).toEqual([]);
    const organization = { unpriced: 'ZERO' } as const;
    expect(plan({ target: 'new' }, { ...cappedCost(), organization }).reasons).toEqual([]);
    const bypassing = (bypass: Partial<Bypass>): Said => ({
      policies: { ...cappedCost().policies, 'user:alice': { bypass } },
    });
    expect(plan({ target: 'new', user: 'alice' }, bypassing({ cost: true })).reasons).toEqual([]);
    expect(plan({ target: 'new', user: 'alice' }, bypassing({ models: true })).reasons).toEqual([
      'MODEL_UNPRICED',
    ]);
  });
});

describe('bypass flags', () => {
  const flags = { cost: false, rate: false, tokens: false, models: false };
  const said: Said = {
    keys: [{ id: 'k1' }, { id: 'k2' }],
    policies: {
      'user:alice': { bypass: { cost: true, untilMs: 1_000 } },
      'principal:agent:a': { bypass: { rate: true } },
      'key:k1': { bypass: { tokens: true } },
      'key:k2': { bypass: { models: true } },
      org: { bypass: { cost: true, rate: true } },
      'team:red': { bypass: { cost: true } },
    },
  };

  it('of user, principal and every key add up; elsewhere they count for nothing', () => {
    const all = { user: 'alice', principal: 'agent:a', key: 'k1', teams: ['red'] };
    const { bypass } = plan({ ...all, credential: { kind: 'key', id: 'k2' } }, said);
    expect(bypass).toEqual({ cost: true, rate: true, tokens: true, models: true });
    expect(plan({ teams: ['red'] }, said).bypass).toEqual(flags);
  });

  it('of a user are nobody’s where none is named', () => {
    const policies = { 'user:undefined': { bypass: { cost: true } } };
    expect(plan({}, { policies }).bypass).toEqual(flags);
  });

  it('end at their very instant', () => {
    expect(plan({ user: 'alice' }, said, 999).bypass).toEqual({ ...flags, cost: true });
    expect(plan({ user: 'alice' }, said, 1_000).bypass).toEqual(flags);
  });

  it('on models open what every list closes', () => {
    const access = { allow: ['o1'], deny: ['gpt-4o'], maxTier: 0 };
    const policies = { ...said.policies, org: { access } };
    expect(plan({ key: 'k2' }, { ...said, policies }).reasons).toEqual([]);
    expect(plan({ key: 'k1' }, { ...said, policies }).reasons).toEqual([
      'MODEL_DENIED',
      'MODEL_NOT_GRANTED',
    ]);
  });
});

describe('a plan', () => {
  const limits: SaidLimit[] = [
    { name: 'cap', metric: 'COST', amount: 1n },
    { name: 'narrow', metric: 'COST', amount: 1n, targets: ['gpt-*'] },
    { name: 'other', metric: 'COST', amount: 1n, targets: ['o1'] },
  ];

  it('points each limit at its meter, and leaves out those of other targets', () => {
    const made = plan({}, { policies: { org: { limits, revision: 4 } } });
    expect(
      made.limits.map(({ limit, meterIndex, revision }) => [
        limit.name,
        made.meters[meterIndex]?.name,
        revision,
      ]),
    ).toEqual([
      ['cap', 'org', 4],
      ['narrow', 'org@gpt-*', 4],
    ]);
  });

  it('lists no limits where the search for reasons stopped, and all of them elsewhere', () => {
    const users = [{ id: 'alice', state: 'SUSPENDED' as const }];
    const said: Said = { users, policies: { org: { limits, access: { deny: ['*'] } } } };
    const stopped = plan({ user: 'alice', teams: ['red'] }, said);
    expect(stopped).toMatchObject({ reasons: ['USER_SUSPENDED', 'SUBJECT_MISMATCH'], limits: [] });
    expect(stopped.meters.map(({ name }) => name)).toEqual(['org']);
    const suspended = plan({ user: 'alice' }, said);
    expect(suspended.reasons).toEqual(['USER_SUSPENDED', 'MODEL_DENIED']);
    expect(suspended.limits).toHaveLength(2);
  });

  it('carries what the organization wants stored, its calendar and its epoch', () => {
    const organization = { storeContent: 'FULL' } as const;
    const calendar = { timeZone: 'UTC', weekStart: 1, monthAnchorDay: 1 };
    const made = plan({}, { organization, epoch: 12 });
    expect(made).toMatchObject({ storeContent: 'FULL', calendar, epoch: 12 });
  });
});
