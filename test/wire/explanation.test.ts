import { describe, expect, test } from 'vitest';
import { meterOf } from '../../src/core/meter.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { explanationOf } from '../../src/wire/explanation.ts';
import { decidedAtMs, limit, outcome } from './limits.ts';

const alice = { kind: 'user', id: 'alice@example.com' } as const;
const org = { kind: 'org', id: '' } as const;
const calls = { metric: 'REQUESTS', amount: 60n, used: 60n, held: 0n, ask: 1n } as const;

const table: readonly [string, Partial<Outcome>, readonly string[]][] = [
  ['nothing in the way', {}, ['allowed: no limit is in the way']],
  [
    'an allowed call',
    { binding: 0, limits: [limit()] },
    [
      'allowed; tightest is team:red/monthly: 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; resets in 9 days',
    ],
  ],
  [
    'a limit that is raised',
    {
      binding: 0,
      limits: [
        limit({
          amount: 110_000_000_000n,
          raised: {
            declared: 100_000_000_000n,
            applied: [{ id: 'r', untilMs: decidedAtMs + 3_600_000, added: 10_000_000_000n }],
          },
        }),
      ],
    },
    [
      'allowed; tightest is team:red/monthly: 98.20 of 110.00 USD used (raised from 100.00 until 2026-03-10T10:00:00.000Z), 1.50 held, this call asks 0.75; resets in 9 days',
    ],
  ],
  [
    'a denial by a limit',
    {
      decision: 'DENY',
      reasons: ['COST_EXCEEDED'],
      binding: 0,
      limits: [limit({ status: 'EXCEEDED' })],
    },
    [
      'denied by team:red/monthly: 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; resets in 9 days',
    ],
  ],
  [
    'a denial by a limit in a window that is over',
    {
      decision: 'DENY',
      reasons: ['COST_EXCEEDED'],
      binding: 0,
      limits: [limit({ status: 'EXCEEDED', resetsAtMs: decidedAtMs - 120_000 })],
    },
    [
      'denied by team:red/monthly: 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; over since 2 minutes',
    ],
  ],
  [
    'several reasons, limits, and an output that would pass',
    {
      decision: 'DENY',
      reasons: ['REQUESTS_EXCEEDED', 'COST_EXCEEDED'],
      binding: 0,
      maxOutputTokens: 120n,
      limits: [
        limit({
          ...calls,
          subject: alice,
          name: 'pace',
          window: 'MINUTE',
          resetsAtMs: decidedAtMs + 30_000,
          status: 'EXCEEDED',
        }),
        limit({
          subject: org,
          name: 'cap',
          status: 'EXCEEDED',
          window: 'LIFETIME',
          resetsAtMs: undefined,
        }),
      ],
    },
    [
      'denied by user:alice%40example.com/pace: 60 of 60 requests used, 0 held, this call asks 1; resets in 30 seconds',
      'also: too much money',
      'exceeds org/cap: 98.20 of 100.00 USD used in all, 1.50 held, this call asks 0.75',
      'would pass with at most 120 tokens of output',
    ],
  ],
  [
    'warnings, dry runs and bypasses beside an allowed call',
    {
      limits: [
        limit({ name: 'near', status: 'NEAR' }),
        limit({
          name: 'told',
          status: 'WARNED',
          meter: meterOf(alice),
          resetsAtMs: decidedAtMs + 1,
        }),
        limit({ name: 'dry', status: 'DRY_RUN', resetsAtMs: decidedAtMs + 5_400_000 }),
        limit({
          name: 'lifted',
          status: 'BYPASSED',
          amount: 1n,
          used: 1n,
          held: 0n,
          ask: 123_456_789n,
        }),
      ],
    },
    [
      'allowed: no limit is in the way',
      'near team:red/near: 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; resets in 9 days',
      'warned by team:red/told (counting user:alice%40example.com): 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; resets in 1 second',
      'would be denied (dry run) by team:red/dry: 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; resets in 2 hours',
      'would be denied, but for a bypass, by team:red/lifted: 0.000000001 of 0.000000001 USD used, 0.00 held, this call asks 0.123456789; resets in 9 days',
    ],
  ],
  [
    'calls in flight',
    {
      decision: 'DENY',
      reasons: ['CONCURRENCY_EXCEEDED'],
      binding: 0,
      limits: [
        limit({
          metric: 'CONCURRENCY',
          name: 'open',
          window: undefined,
          resetsAtMs: undefined,
          amount: 2n,
          used: 0n,
          held: 2n,
          status: 'EXCEEDED',
        }),
      ],
    },
    ['denied by team:red/open: 2 of 2 calls in flight'],
  ],
  [
    'a reason that is not about a limit',
    { decision: 'DENY', reasons: ['USER_SUSPENDED', 'MODEL_DENIED'] },
    ['denied: the user is suspended', 'also: a deny list names the target'],
  ],
];

describe('an explanation says in words', () => {
  test.each(table)('%s', (_name, different, lines) => {
    expect(explanationOf(outcome(different)).split('\n')).toEqual(lines);
  });
});
