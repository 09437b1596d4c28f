import { describe, expect, it } from 'vitest';
import { conclude, crossedThresholds } from '../../src/core/conclude.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { reasons as allReasons } from '../../src/core/reason.ts';
import { capped, costLimit as cost, decide, decidedAtMs as nowMs } from '../support/decide.ts';
import { totalsOf } from '../support/totals.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidLimit } from '../support/view.ts';

const hourMs = 3_600_000;

describe('reasons', () => {
  it('are listed in the order of precedence, and the next one appears as each fault is fixed', () => {
    const limits: SaidLimit[] = [
      cost('cost', 0n),
      { name: 'tokens', metric: 'TOKENS', amount: 0n },
      { name: 'requests', metric: 'REQUESTS', amount: 0n },
      { name: 'open', metric: 'CONCURRENCY', amount: 0n },
    ];
    const wrong: Said = {
      organization: { state: 'SUSPENDED', unknownSubjects: 'DENY', unknownModels: 'DENY' },
      teams: [{ id: 'red', state: 'SUSPENDED' }],
      users: [{ id: 'alice', teams: ['red'], state: 'SUSPENDED' }],
      keys: [
        { id: 'k1', user: 'alice', state: 'REVOKED', expiresAtMs: nowMs, scopes: [] },
        { id: 'k2', state: 'DISABLED' },
      ],
      models: [{ id: 'o1', tierRank: 3 }],
      routeGroups: [{ id: 'slow', members: ['o1'] }],
      policies: {
        org: { access: { allow: ['gpt-*'], deny: ['*o*'], maxTier: 1 } },
        'user:alice': { limits },
      },
    };
    const call: SaidCall = { key: 'k1', credential: { kind: 'key', id: 'k2' }, app: 'nowhere' };
    const target = { target: 'slow', input: 1n };
    const all = decide(wrong, { ...call, ...target }).reasons;
    const apart = new Set(['CREDENTIAL_UNKNOWN', 'SUBJECT_MISMATCH', 'MODEL_UNKNOWN']);
    expect(all).toEqual(allReasons.filter((reason) => !apart.has(reason)));

    const mismatch = decide(wrong, { ...call, ...target, user: 'bob' });
    const before = allReasons.slice(0, allReasons.indexOf('SUBJECT_MISMATCH'));
    expect(mismatch.reasons).toEqual([
      ...before.filter((reason) => reason !== 'CREDENTIAL_UNKNOWN'),
      'SUBJECT_MISMATCH',
    ]);
    expect(mismatch.limits).toEqual([]);

    const unknown = decide(wrong, { ...call, ...target, key: 'k3' });
    expect(unknown).toMatchObject({ reasons: ['CREDENTIAL_UNKNOWN'], limits: [] });
    expect(decide(wrong, { ...call, target: 'o2' }).reasons).toContain('MODEL_UNKNOWN');
  });

  it('that are no limits leave a denial without binding limit, retry or output', () => {
    const said: Said = {
      users: [{ id: 'alice', state: 'SUSPENDED' }],
      policies: { org: { limits: [cost('cap', 10n)] } },
    };
    expect(decide(said, { user: 'alice', cost: 20n })).toMatchObject({
      reasons: ['USER_SUSPENDED', 'COST_EXCEEDED'],
      binding: undefined,
      retryAfterMs: undefined,
      maxOutputTokens: undefined,
    });
  });

  it('tell tokens once, of whatever kind', () => {
    const said = capped(
      { name: 'input', metric: 'INPUT_TOKENS', amount: 1n },
      { name: 'output', metric: 'OUTPUT_TOKENS', amount: 1n },
      { name: 'all', metric: 'TOKENS', amount: 1n },
    );
    expect(decide(said, { input: 2n, output: 2n }).reasons).toEqual(['TOKENS_EXCEEDED']);
  });
});

it('a plan that lacks the meter of a limit is our fault, and throws', () => {
  const plan = planCheck(viewOf(capped(cost('cap', 1n))), callOf(), nowMs);
  const totals = totalsOf(plan.meters);
  expect(() => conclude({ ...plan, meters: [] }, totals, nowMs, undefined)).toThrow('no meter 0');
});

describe('a limit', () => {
  it('lets pass what reaches the amount exactly, and nothing above it', () => {
    const spent = { org: { usedCost: 60n, heldCost: 30n } };
    const allowed = decide(capped(cost('cap', 100n)), { cost: 10n }, spent);
    expect(allowed).toMatchObject({ decision: 'ALLOW', reasons: [], heldCost: 10n });
    expect(allowed.limits[0]).toMatchObject({ used: 60n, held: 30n, ask: 10n, remaining: 0n });
    const denied = decide(capped(cost('cap', 100n)), { cost: 11n }, spent);
    expect(denied).toMatchObject({ decision: 'DENY', reasons: ['COST_EXCEEDED'], heldCost: 0n });
    expect(denied.limits[0]).toMatchObject({ remaining: 10n, status: 'EXCEEDED' });
  });

  it('of 0 lets nothing pass, and a call that asks 0 passes whatever was spent', () => {
    expect(decide(capped(cost('cap', 0n)), { cost: 1n }).decision).toBe('DENY');
    expect(decide(capped(cost('cap', 0n)), { cost: 0n }).decision).toBe('ALLOW');
    for (const action of ['BLOCK', 'WARN', 'DRY_RUN'] as const) {
      const limit = cost('cap', 10n, { action, thresholds: [] });
      const { limits } = decide(capped(limit), { cost: 0n }, { org: { usedCost: 15n } });
      expect(limits[0]).toMatchObject({ status: 'OK', remaining: 0n });
    }
  });

  it.each([
    ['BLOCK', 'EXCEEDED', 'DENY'],
    ['WARN', 'WARNED', 'ALLOW'],
    ['DRY_RUN', 'DRY_RUN', 'ALLOW'],
  ] as const)('that does %s is %s when exceeded: %s', (action, status, decision) => {
    const outcome = decide(capped(cost('cap', 10n, { action })), { cost: 11n });
    expect(outcome.decision).toBe(decision);
    expect(outcome.limits[0]?.status).toBe(status);
    expect(outcome.warnings).toEqual(decision === 'ALLOW' ? [0] : []);
  });

  it('is counted in its own window of its own meter', () => {
    const said: Said = {
      policies: {
        org: { limits: [cost('hourly', 10n, { window: 'HOUR' })] },
        'user:alice': { limits: [cost('daily', 10n)] },
      },
    };
    const { limits } = decide(
      said,
      { user: 'alice', cost: 1n },
      {
        org: { windows: { HOUR: { usedCost: 3n }, DAY: { usedCost: 9n } } },
        'user:alice': { windows: { HOUR: { usedCost: 9n }, DAY: { heldCost: 4n } } },
      },
    );
    expect(limits.map(({ name, used, held }) => [name, used, held])).toEqual([
      ['daily', 0n, 4n],
      ['hourly', 3n, 0n],
    ]);
    expect(limits.map(({ resetsAtMs }) => resetsAtMs)).toEqual([
      nowMs + 15 * hourMs,
      nowMs + hourMs,
    ]);
  });

  it('on concurrency holds what is in flight, has used nothing and never resets', () => {
    const open = { name: 'open', metric: 'CONCURRENCY', amount: 2n } as const;
    const { limits } = decide(capped(open), {}, { org: { inFlight: 1n, usedRequests: 9n } });
    expect(limits[0]).toMatchObject({
      used: 0n,
      held: 1n,
      ask: 1n,
      remaining: 0n,
      status: 'OK',
      resetsAtMs: undefined,
    });
  });

  it('tells who declared it, in which revision, and where it is counted', () => {
    const said: Said = {
      policies: { org: { limits: [cost('each', 9n, { for: { kind: 'USER' } })], revision: 3 } },
    };
    expect(decide(said, { user: 'alice', cost: 1n }).limits[0]).toMatchObject({
      subject: { kind: 'org', id: '' },
      name: 'each',
      revision: 3,
      metric: 'COST',
      window: 'DAY',
      amount: 9n,
      action: 'BLOCK',
      meter: { name: 'user:alice' },
    });
  });
});

describe('thresholds', () => {
  const limit = cost('cap', 10n, { thresholds: [50, 80] });
  const crossed = (used: bigint, ask: bigint | undefined, of: SaidLimit = limit) => {
    const plan = planCheck(viewOf(capped(of)), callOf({ cost: ask ?? 0n }), nowMs);
    const half = used / 2n;
    const known = { usedCost: used - half, heldCost: half, inFlight: used };
    const totals = totalsOf(plan.meters, { org: known });
    return crossedThresholds(plan.limits, totals, ask === undefined ? undefined : plan.asks);
  };

  it('are reached at the mark itself, by an allowed call with its ask, by a settlement without', () => {
    expect(crossed(4n, 0n)).toEqual([]);
    expect(crossed(4n, 1n)).toEqual([{ index: 0, threshold: 50 }]);
    expect(crossed(5n, undefined)).toEqual([{ index: 0, threshold: 50 }]);
    expect(crossed(4n, undefined)).toEqual([]);
    expect(crossed(8n, undefined)).toHaveLength(2);
  });

  it('make a limit NEAR, with a warning, every time', () => {
    const { limits, warnings } = decide(capped(limit), { cost: 1n }, { org: { usedCost: 4n } });
    expect(limits[0]?.status).toBe('NEAR');
    expect(warnings).toEqual([0]);
    expect(decide(capped(limit), { cost: 1n }, { org: { usedCost: 3n } }).warnings).toEqual([]);
  });

  it('do not exist for concurrency', () => {
    const open: SaidLimit = { name: 'open', metric: 'CONCURRENCY', amount: 2n, thresholds: [1] };
    expect(crossed(1n, 0n, open)).toEqual([]);
    expect(decide(capped(open), {}).limits[0]?.status).toBe('OK');
  });
});

describe('an outcome', () => {
  it('of an allowed call says until when it holds, of a denied one nothing of the kind', () => {
    const organization = { storeContent: 'NONE' } as const;
    expect(decide({ organization }, { cost: 3n })).toMatchObject({
      heldCost: 3n,
      expiresAtMs: nowMs + 600_000,
      decidedAtMs: nowMs,
      storeContent: 'NONE',
    });
    expect(decide({ organization, ...capped(cost('cap', 0n)) }, { cost: 3n })).toMatchObject({
      heldCost: 0n,
      expiresAtMs: undefined,
      decidedAtMs: nowMs,
      storeContent: 'NONE',
    });
  });

  it('reports as bypassed what a flag lifted, and says near where nothing is exceeded', () => {
    const said: Said = {
      keys: [{ id: 'batch' }],
      policies: {
        org: {
          limits: [
            { name: 'open', metric: 'CONCURRENCY', amount: 0n },
            { name: 'rpd', metric: 'REQUESTS', amount: 1n },
            { name: 'tph', metric: 'TOKENS', window: 'HOUR', amount: 1n },
            { name: 'tpm', metric: 'INPUT_TOKENS', window: 'MINUTE', amount: 1n },
            { name: 'burst', metric: 'OUTPUT_TOKENS', window: 'TEN_SECONDS', amount: 1n },
            { name: 'tpd', metric: 'TOKENS', window: 'DAY', amount: 1n },
          ],
        },
        'key:batch': { bypass: { rate: true } },
      },
    };
    const outcome = decide(said, { key: 'batch', input: 2n, output: 2n });
    expect(outcome.reasons).toEqual(['TOKENS_EXCEEDED']);
    expect(Object.fromEntries(outcome.limits.map(({ name, status }) => [name, status]))).toEqual({
      open: 'BYPASSED',
      rpd: 'NEAR',
      tph: 'BYPASSED',
      tpm: 'BYPASSED',
      burst: 'BYPASSED',
      tpd: 'EXCEEDED',
    });
  });
});
