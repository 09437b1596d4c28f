import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendAuditEntries } from '../../src/audit/append-entries.ts';
import { platformChain } from '../../src/audit/audit-trail.ts';
import type { AuditHead } from '../../src/audit/audit-trail.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const by = { actor: 'root', rpc: 'CreateAccount', peer: '10.0.0.1', reason: 'because "ü"' };
const thing = { kind: 'account', subject: 'ann', before: undefined, after: { id: 'ann' } };

function append(orgId: string, count: number, discard = false, atMs = 1000): Promise<AuditHead> {
  const to = { orgId, now: new Date(atMs), by };
  const things = Array.from({ length: count }, () => thing);
  return inTransaction(database.pool, (client) => appendAuditEntries(client, to, things), {
    discard,
  });
}

async function sequences(orgId: string): Promise<readonly number[]> {
  const { rows } = await database.pool.query<{ sequence: string }>(
    'SELECT sequence FROM audit_entry WHERE org_id = $1 ORDER BY sequence',
    [orgId],
  );
  return rows.map(({ sequence }) => Number(sequence));
}

// Planted: without the later of the two times, the second hash is another one.
test('the hash of an entry covers its fields and the hash before, in a form that is easily made again', async () => {
  await append(platformChain, 1);
  const { hash, sequence } = await append(platformChain, 1, false, 999);
  expect(sequence).toBe(2);
  const first =
    '{"actor":"root","after":{"form":1,"id":"ann"},"before":null,' +
    '"create_time":"1970-01-01T00:00:01.000Z","epoch":null,"id":"ann","kind":"account","org_id":"",' +
    `"peer":"10.0.0.1","previous_hash":"${'0'.repeat(64)}","reason":"because \\"ü\\"",` +
    '"request_id":"","revision":null,"rpc":"CreateAccount","secret_shown":false,"sequence":1}';
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  // Its time does not go back, whatever the clock of its replica says.
  const second = first
    .replace('0'.repeat(64), sha256(first))
    .replace('"sequence":1', '"sequence":2');
  expect(hash.toString('hex')).toBe(sha256(second));
});

// Planted: the head is read without a lock: duplicate keys.
test('entries that are appended at once are numbered without gaps', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, index) => append('busy', (index % 3) + 1)));
  expect(await sequences('busy')).toEqual(Array.from({ length: 39 }, (_, index) => index + 1));
});

test('a transaction that is rolled back leaves no entry and no gap', async () => {
  await append('acme', 2);
  await append('acme', 3, true);
  expect((await append('acme', 1)).sequence).toBe(3);
  expect(await sequences('acme')).toEqual([1, 2, 3]);
});

test('many entries of one change are appended with few statements', async () => {
  expect((await append('bulk', 2500)).sequence).toBe(2500);
  expect(await sequences('bulk')).toHaveLength(2500);
});
