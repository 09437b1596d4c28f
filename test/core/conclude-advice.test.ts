import { describe, expect, it } from 'vitest';
import type { Window } from '../../src/core/policy.ts';
import { maxInt64 } from '../../src/core/totals.ts';
import { capped, costLimit as cost, decide } from '../support/decide.ts';
import type { SaidTotals } from '../support/totals.ts';
import type { Said, SaidCall, SaidLimit } from '../support/view.ts';

const hourMs = 3_600_000;

describe('the binding limit', () => {
  const limits = [cost('near', 100n), cost('far', 1_000n)];

  it('of an allowed call is the one with the smallest share left', () => {
    const { binding, limits: told } = decide(
      capped(...limits),
      { cost: 10n },
      { org: { usedCost: 80n } },
    );
    expect(told[binding ?? -1]?.name).toBe('near');
  });

  it('is no limit that only warns, is a rehearsal or is lifted', () => {
    const said: Said = {
      policies: {
        org: {
          limits: [
            cost('warn', 1n, { action: 'WARN' }),
            cost('rehearsal', 1n, { action: 'DRY_RUN' }),
            cost('lifted', 1n),
            { name: 'rpd', metric: 'REQUESTS', amount: 100n },
          ],
        },
        'user:alice': { bypass: { cost: true } },
      },
    };
    const outcome = decide(said, { user: 'alice', cost: 5n });
    expect(outcome.limits[outcome.binding ?? -1]?.name).toBe('rpd');
    expect(outcome.limits.map(({ name, status }) => [name, status])).toEqual([
      ['rpd', 'OK'],
      ['lifted', 'BYPASSED'],
      ['rehearsal', 'DRY_RUN'],
      ['warn', 'WARNED'],
    ]);
    expect(
      decide(capped(cost('warn', 1n, { action: 'WARN' })), { cost: 5n }).binding,
    ).toBeUndefined();
  });

  it('of a denial is of the first reason, however little others leave', () => {
    const said = capped(...limits, { name: 'rpd', metric: 'REQUESTS', amount: 10n });
    const outcome = decide(said, { cost: 9_999n }, { org: { usedRequests: 10n } });
    expect(outcome.reasons).toEqual(['REQUESTS_EXCEEDED', 'COST_EXCEEDED']);
    expect(outcome.limits[outcome.binding ?? -1]?.name).toBe('rpd');
  });

  it('of a denial is the one exceeded by the largest share', () => {
    const outcome = decide(capped(...limits), { cost: 1_100n });
    expect(outcome.limits[outcome.binding ?? -1]?.name).toBe('near');
  });

  it('is the one declared nearest between equals, then the first by name', () => {
    const said: Said = {
      teams: [{ id: 'a-top' }, { id: 'z-red', parent: 'a-top' }],
      policies: {
        org: {
          limits: [cost('a', 10n), cost('default', 10n, { window: 'WEEK', for: { kind: 'USER' } })],
        },
        'team:a-top': { limits: [cost('b', 10n)] },
        'team:z-red': { limits: [cost('z', 10n, { window: 'HOUR' }), cost('c', 10n)] },
      },
    };
    const bindingOf = (call: SaidCall) => {
      const { binding, limits: told } = decide(said, call);
      return told[binding ?? -1]?.name;
    };
    expect(bindingOf({ user: 'alice', teams: ['z-red'], cost: 1n })).toBe('c');
    expect(bindingOf({ user: 'alice', teams: ['a-top'], cost: 1n })).toBe('b');
    expect(bindingOf({ user: 'alice', cost: 1n })).toBe('a');
  });

  const nameOfBinding = (said: Said, call: SaidCall) => {
    const { binding, limits: told } = decide(said, { cost: 1n, ...call });
    return told[binding ?? -1]?.name;
  };

  it('is the first by name of one policy, and of teams equally near', () => {
    expect(nameOfBinding(capped(cost('a', 10n), cost('b', 10n)), {})).toBe('a');
    const teams = [
      { id: 'red', parent: 'top' },
      { id: 'blue', parent: 'base' },
      { id: 'top' },
      { id: 'base' },
    ];
    const policies = {
      'team:base': { limits: [cost('b', 10n)] },
      'team:top': { limits: [cost('a', 10n)] },
    };
    expect(nameOfBinding({ teams, policies }, { teams: ['red', 'blue'] })).toBe('a');
  });

  it('is the first on the path where names are equal too', () => {
    const policies = {
      'team:blue': { limits: [cost('cap', 10n)] },
      'team:red': { limits: [cost('cap', 10n)] },
    };
    const { binding } = decide({ policies }, { teams: ['red', 'blue'], cost: 1n });
    expect(binding).toBe(0);
  });

  it('is a near team’s own before a far team’s default, though that is a user’s', () => {
    const said: Said = {
      teams: [{ id: 'top' }, { id: 'red', parent: 'top' }],
      policies: {
        'team:top': { limits: [cost('default', 10n, { for: { kind: 'USER' } })] },
        'team:red': { limits: [cost('own', 10n)] },
      },
    };
    expect(nameOfBinding(said, { user: 'alice', teams: ['red'] })).toBe('own');
  });

  it('is not nearer for a key with the name of a near team', () => {
    const said: Said = {
      teams: [{ id: 'top' }, { id: 'red', parent: 'top' }],
      keys: [{ id: 'top' }, { id: 'red' }],
      policies: {
        'key:top': { limits: [cost('a', 10n)] },
        'key:red': { limits: [cost('b', 10n)] },
      },
    };
    const call: SaidCall = { credential: { kind: 'key', id: 'red' }, key: 'top', teams: ['red'] };
    expect(nameOfBinding(said, call)).toBe('a');
  });

  it('may be one of an amount of 0, which has no share left', () => {
    const said = capped(cost('zero', 0n), { name: 'rpd', metric: 'REQUESTS', amount: 10n });
    const { binding, limits: told } = decide(said, { cost: 0n });
    expect(told[binding ?? -1]?.name).toBe('zero');
  });
});

const retryAfter = (limits: SaidLimit[], call: SaidCall, spent: SaidTotals) =>
  decide(capped(...limits), call, { org: spent }).retryAfterMs;

describe('retry after', () => {
  const rpm: SaidLimit = { name: 'rpm', metric: 'REQUESTS', window: 'MINUTE', amount: 1n };

  it('is the end of the last window that was exceeded', () => {
    const tph: SaidLimit = { name: 'tph', metric: 'TOKENS', window: 'HOUR', amount: 100n };
    const spent = { usedRequests: 1n, usedInput: 60n };
    expect(retryAfter([rpm, tph], { input: 60n }, spent)).toBe(hourMs);
    expect(retryAfter([rpm, tph], { input: 40n }, spent)).toBe(60_000);
    expect(retryAfter([rpm, tph], { input: 40n }, {})).toBeUndefined();
  });

  it('is absent where time does not help', () => {
    const spent = { usedRequests: 1n, usedCost: 5n, inFlight: 1n };
    const open: SaidLimit = { name: 'open', metric: 'CONCURRENCY', amount: 1n };
    expect(retryAfter([rpm, open], {}, spent)).toBeUndefined();
    expect(
      retryAfter([rpm, cost('ever', 5n, { window: 'LIFETIME' })], { cost: 1n }, spent),
    ).toBeUndefined();
    expect(retryAfter([rpm, cost('small', 5n)], { cost: 6n }, {})).toBeUndefined();
    expect(retryAfter([rpm, cost('small', 5n)], { cost: 5n }, { usedCost: 1n })).toBe(15 * hourMs);
  });

  it('is absent where the call is refused for something else as well', () => {
    const said: Said = { organization: { state: 'SUSPENDED' }, ...capped(rpm) };
    const spent = { org: { usedRequests: 1n } };
    expect(decide(said, {}, spent).reasons).toEqual(['ORG_SUSPENDED', 'REQUESTS_EXCEEDED']);
    expect(decide(said, {}, spent).retryAfterMs).toBeUndefined();
    expect(decide(said, {}).retryAfterMs).toBeUndefined();
  });

  it('does not wait for limits that only warn', () => {
    const warn = cost('warn', 5n, { action: 'WARN', window: 'LIFETIME' });
    expect(retryAfter([rpm, warn], { cost: 9n }, { usedRequests: 1n })).toBe(60_000);
  });
});

describe('sums beyond int64', () => {
  const price = { subject: 'gpt-4o', rates: [{ input: 10n ** 12n }] };

  it('are a denial where no limit is, with nothing to bind and nothing to wait for', () => {
    const spent = { org: { usedCost: maxInt64 - 5n, heldCost: 3n } };
    expect(decide({}, { cost: 2n }, spent).decision).toBe('ALLOW');
    expect(decide({}, { cost: 3n }, spent)).toMatchObject({
      decision: 'DENY',
      reasons: ['COST_EXCEEDED'],
      binding: undefined,
      limits: [],
      retryAfterMs: undefined,
      maxOutputTokens: undefined,
    });
    expect(decide({}, { input: maxInt64, output: 1n }).reasons).toEqual(['TOKENS_EXCEEDED']);
    expect(decide({ prices: [price] }, { input: maxInt64 }).reasons).toEqual(['COST_EXCEEDED']);
  });

  // Red when only the first reason may name the limit: the answer then named none.
  it('leave the limit named that refuses the call too', () => {
    const spent = { org: { usedInput: maxInt64, usedCost: 1n } };
    const { reasons, binding } = decide(capped(cost('daily', 0n)), { output: 1n, cost: 1n }, spent);
    expect(reasons).toEqual(['TOKENS_EXCEEDED', 'COST_EXCEEDED']);
    expect(binding).toBe(0);
  });

  it('are not looked for where the call is refused anyway and adds nothing', () => {
    const said: Said = { organization: { state: 'SUSPENDED' } };
    expect(decide(said, { input: maxInt64, output: 1n }).reasons).toEqual(['ORG_SUSPENDED']);
  });

  it('are found on any meter of the call', () => {
    const most = { usedInput: maxInt64 - 9n, usedOutput: 2n, heldInput: 3n, heldOutput: 3n };
    const spent = { 'user:alice': { windows: { LIFETIME: most } } };
    expect(decide({}, { user: 'alice', input: 1n }, spent).decision).toBe('ALLOW');
    expect(decide({}, { user: 'alice', input: 2n }, spent).reasons).toEqual(['TOKENS_EXCEEDED']);
    expect(decide({}, { user: 'bob', input: 2n }, spent).decision).toBe('ALLOW');
    const other = { 'user:alice': { windows: { LIFETIME: { usedCost: maxInt64, heldCost: 0n } } } };
    expect(decide({}, { user: 'alice', cost: 1n }, other).reasons).toEqual(['COST_EXCEEDED']);
    const first = { org: { usedInput: maxInt64, usedCost: maxInt64 }, 'user:alice': {} };
    expect(decide({}, { user: 'alice', input: 1n, cost: 1n }, first).reasons).toEqual([
      'TOKENS_EXCEEDED',
      'COST_EXCEEDED',
    ]);
  });

  it('are reported cut to int64, with an output that stays inside', () => {
    const said: Said = {
      prices: [{ subject: 'gpt-4o', rates: [{ output: 1_000_000n }] }],
      ...capped({ name: 'all', metric: 'TOKENS', amount: maxInt64 }),
    };
    const spent = { org: { usedInput: maxInt64 - 100n } };
    const { limits, maxOutputTokens } = decide(said, { input: 40n, output: maxInt64 }, spent);
    expect(limits[0]).toMatchObject({ ask: maxInt64, status: 'EXCEEDED', remaining: 100n });
    expect(maxOutputTokens).toBe(60n);
  });
});

describe('the affordable output', () => {
  const price = {
    subject: 'gpt-4o',
    perTokens: 1_000n as const,
    rates: [{ input: 1_000n, output: 2_000n }],
  };
  const of = (limits: SaidLimit[], call: SaidCall, spent: SaidTotals = {}) =>
    decide({ prices: [price], ...capped(...limits) }, call, { org: spent }).maxOutputTokens;

  it('is the largest with which nothing would block', () => {
    const budget = cost('daily', 10_000n);
    expect(of([budget], { input: 2_000n, output: 10_000n })).toBe(4_000n);
    const tph: SaidLimit = { name: 'tph', metric: 'TOKENS', amount: 5_000n };
    expect(of([budget, tph], { input: 2_000n, output: 10_000n })).toBe(3_000n);
    const output: SaidLimit = { name: 'output', metric: 'OUTPUT_TOKENS', amount: 77n };
    expect(of([budget, tph, output], { input: 2_000n, output: 10_000n })).toBe(77n);
    expect(of([output], { output: 78n }, { heldOutput: 70n })).toBe(7n);
    const one: SaidLimit = { name: 'one', metric: 'OUTPUT_TOKENS', amount: 1n };
    expect(of([one], { output: 78n })).toBe(1n);
  });

  it.each(['COST', 'TOKENS', 'OUTPUT_TOKENS'] as const)(
    'is that of the tightest limit on %s, wherever it stands',
    (metric) => {
      const limit = (window: Window, amount: bigint) => ({ name: window, metric, window, amount });
      const call = { input: 0n, output: 10_000n };
      const tight = of([limit('HOUR', 80n), limit('WEEK', 9_000n)], call);
      expect(tight).toBe(metric === 'COST' ? 40n : 80n);
      expect(of([limit('HOUR', 9_000n), limit('WEEK', 80n)], call)).toBe(tight);
    },
  );

  it('is not narrowed by a budget that is spent where the call is free', () => {
    const tph: SaidLimit = { name: 'tph', metric: 'TOKENS', amount: 50n };
    const said = { prices: [{ subject: 'gpt-4o' }], ...capped(cost('daily', 5n), tph) };
    const spent = { org: { usedCost: 9n } };
    expect(decide(said, { input: 10n, output: 90n }, spent).maxOutputTokens).toBe(40n);
  });

  it('is absent on an ALLOW, for other reasons, for too much input, and for a said cost', () => {
    const budget = cost('daily', 10n);
    expect(of([budget], { input: 1n, output: 1n })).toBeUndefined();
    expect(of([budget], { input: 9n, output: 9n })).toBeUndefined();
    expect(of([budget], { input: 8n, output: 9n })).toBe(1n);
    expect(of([budget], { input: 1n, output: 9n, cost: 20n })).toBeUndefined();
    const rpd: SaidLimit = { name: 'rpd', metric: 'REQUESTS', amount: 0n };
    expect(of([budget, rpd], { input: 1n, output: 9n })).toBeUndefined();
    const input: SaidLimit = { name: 'input', metric: 'INPUT_TOKENS', amount: 3n };
    expect(of([budget, input], { input: 4n, output: 9n })).toBeUndefined();
    expect(of([budget, input], { input: 3n, output: 9n })).toBe(3n);
  });

  it('does not care for limits that do not block', () => {
    const warn = cost('warn', 1n, { action: 'WARN' });
    expect(of([cost('daily', 10n), warn], { input: 2n, output: 9n })).toBe(4n);
  });
});
