import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowsByKey } from '../../../src/db/wire/rows-by-key.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import type { SaidLimit } from '../../support/view.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

test('rows are brought into the order of their keys, and each key has exactly one', () => {
  const [first, second] = [
    ['acme', 'a', '1'],
    ['acme', 'b', '2'],
  ];
  const keys = [
    ['acme', 'a'],
    ['acme', 'b'],
  ] as const;
  expect(rowsByKey([second ?? [], first ?? []], keys)).toEqual([first, second]);
  expect(() => rowsByKey([first ?? []], keys)).toThrow('1 rows came back for 2 keys');
  expect(() => rowsByKey([first ?? [], first ?? []], keys)).toThrow('the same key');
  expect(() => rowsByKey([first ?? [], ['other', 'b', '2']], keys)).toThrow('no row came back');
});

/**
 * The order of rows is planted in the statements while a lane prepares them.
 * Red on meters and calls that were matched by position: a meter's sums were taken for another's.
 */
test.each([
  { name: 'apply-deltas', reversed: 'meters', way: 'decide_first' },
  { name: 'hold-calls', reversed: 'meters', way: 'guard_failed' },
  { name: 'hold-calls', reversed: 'calls', way: 'write_first' },
])('what $name returns of $reversed in another order is matched by key', async (planted) => {
  const orgId = `${planted.name}-${planted.reversed}`;
  const said = await checksOf(database, orgId);
  const replica = startReplica(database, {
    // Decides everything first.
    perOrganization: planted.way === 'decide_first',
    rewrite: (text) => reordered(text, planted),
  });
  const limits: SaidLimit[] = [
    { name: 'input', metric: 'INPUT_TOKENS', window: 'DAY', amount: 99n },
  ];
  const policies = { org: { limits }, 'user:u': { limits } };
  const check = said({ users: [{ id: 'u' }, { id: 'v' }], policies });
  try {
    await check(replica, 'first', { user: 'v', input: 5n });
    const calls = ['a', 'b', 'c'].map((id) => check(replica, id, { user: 'u', input: 7n }));
    const sums = (await Promise.all(calls)).map(({ outcome }) =>
      outcome.limits.map(({ subject, held }) => `${subject.kind} ${held}`),
    );
    expect(sums).toEqual([
      ['user 0', 'org 5'],
      ['user 7', 'org 12'],
      ['user 14', 'org 19'],
    ]);
    expect(replica.ways).toContain(planted.way);
    expect(replica.ways.includes('guard_failed')).toBe(planted.way === 'guard_failed');
  } finally {
    await replica.ledger.close();
  }
});

function reordered(text: string, { name, reversed }: { name: string; reversed: string }): string {
  if (!text.startsWith(`PREPARE "${name}"`)) return text;
  const [from, to] =
    name === 'apply-deltas'
      ? ['[1]\nON CONFLICT', '[1] ORDER BY u.i DESC\nON CONFLICT']
      : reversed === 'meters'
        ? ['i) OFFSET 0)', 'i) ORDER BY i DESC OFFSET 0)']
        : ['FROM now, held', 'FROM now, held ORDER BY held.sums DESC'];
  if (!text.includes(from)) throw new Error(`the statement ${name} has no ${from}`);
  return text.replace(from, to);
}
