import { expect, test } from 'vitest';
import { compare } from '../../src/scenario/expectations.ts';
import type { Fields } from '../../src/scenario/form.ts';

const answer = {
  outcome: 'ALLOW',
  reason: null,
  reasons: [],
  binding: 'org/cap',
  limits: [
    { is: 'org/each', meter: 'user:alice', used: '1', amount: '20000000.000000001' },
    {
      is: 'org/each',
      meter: 'user:bob',
      used: '2',
      amount: '5',
      resets_at: '2026-03-11T00:00:00Z',
    },
    { is: 'org/cap', meter: 'org', used: '3', amount: '007' },
  ],
  warnings: ['org/each', 'org/each'],
  retry_after: 90_000,
  tokens: 9_007_199_254_740_993n,
  targets: ['a', 'b'],
  newest: { revision: 5n, reason: 'done', revoked: 'daily' },
  over_hold: false,
};

/** The keys that differ. */
function differing(expected: Fields): string[] {
  return compare(expected, answer).map(({ key }) => key);
}

test('what is not named is not compared', () => {
  expect(differing({})).toEqual([]);
  expect(differing({ outcome: 'DENY', binding: 'org/cap' })).toEqual(['outcome']);
});

test('numbers are compared as numbers, exactly, and names as they are written', () => {
  expect(differing({ tokens: '9007199254740993' })).toEqual([]);
  expect(differing({ tokens: '9007199254740992' })).toEqual(['tokens']);
  expect(differing({ limits: [{ is: 'org/cap', used: '3.00', amount: '7.0' }] })).toEqual([]);
  const exact = (amount: string): Fields => ({ limits: [{ is: 'org/each', amount }] });
  expect(differing(exact('20000000.0000000010'))).toEqual([]);
  expect(differing(exact('20000000.000000002'))).toEqual(['limits org/each amount']);
  expect(differing({ binding: 'org/Cap' })).toEqual(['binding']);
});

test('null expects absence, and nothing else does', () => {
  expect(differing({ reason: null })).toEqual([]);
  expect(differing({ binding: null, retry_after: null })).toEqual(['binding', 'retry_after']);
  expect(differing({ max_output_tokens: null })).toEqual([]);
  expect(differing({ max_output_tokens: '0' })).toEqual(['max_output_tokens']);
});

test('false is not absence, and no other word is true', () => {
  expect(differing({ over_hold: false })).toEqual([]);
  expect(differing({ over_hold: true })).toEqual(['over_hold']);
  expect(differing({ binding: true })).toEqual(['binding']);
});

test('two limits of one name are distinguished by their meters', () => {
  const of = (meter: string, used: string): Fields => ({
    limits: [{ is: 'org/each', meter, used }],
  });
  expect(differing(of('user:bob', '2'))).toEqual([]);
  expect(differing(of('user:alice', '2'))).toEqual(['limits org/each used']);
  expect(differing(of('user:carol', '1'))).toEqual(['limits org/each meter']);
  expect(differing({ limits: [{ is: 'org/none' }] })).toEqual(['limits org/none']);
});

test('the whole set of names is compared, or those that must be absent', () => {
  expect(differing({ limits_exactly: ['org/cap', 'org/each'] })).toEqual([]);
  expect(differing({ limits_exactly: ['org/cap'] })).toEqual(['limits_exactly']);
  expect(differing({ no_limits: ['org/none'] })).toEqual([]);
  expect(differing({ no_limits: ['org/none', 'org/cap'] })).toEqual(['no_limits']);
  expect(differing({ warnings: ['org/each'] })).toEqual([]);
});

test('targets are compared whole, or by what is and is not among them', () => {
  expect(differing({ targets: ['b', 'a'], includes: ['a'], excludes: ['c'] })).toEqual([]);
  expect(differing({ targets: ['a'], includes: ['c'], excludes: ['a'] })).toEqual([
    'targets',
    'includes',
    'excludes',
  ]);
});

test('instants and durations are compared by what they mean', () => {
  const until = (instant: string): Fields => ({
    limits: [{ is: 'org/each', meter: 'user:bob', resets_at: instant }],
  });
  expect(differing(until('2026-03-11T01:00:00+01:00'))).toEqual([]);
  expect(differing(until('2026-03-11T01:00:00Z'))).toEqual(['limits org/each resets_at']);
  expect(differing({ retry_after: '1m30s' })).toEqual([]);
  expect(differing({ retry_after: '90' })).toEqual(['retry_after']);
});

test('a revision that took a limit back is known by the name of the limit, or without it', () => {
  expect(differing({ newest: { revision: '5', revoked: 'daily' } })).toEqual([]);
  expect(differing({ newest: { revoked: true } })).toEqual([]);
  expect(differing({ newest: { revoked: null, reason: '' } })).toEqual([
    'newest.revoked',
    'newest.reason',
  ]);
  expect(compare({ newest: { revoked: false } }, { newest: { revoked: null } })).toEqual([]);
});
