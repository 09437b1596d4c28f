import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { appendAuditEntries } from '../../src/audit/append-entries.ts';
import type { ChainVerdict } from '../../src/audit/audit-trail.ts';
import { noHash } from '../../src/audit/entry-hash.ts';
import { verifyChain } from '../../src/audit/verify-chain.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let count = 0;
let orgId = '';
beforeEach(async () => {
  count += 1;
  orgId = `org${count}`;
  await append(700);
});

async function append(entries: number): Promise<void> {
  const by = { actor: 'root', rpc: 'UpdateTeam', peer: '10.0.0.1', reason: 'because' };
  const things = Array.from({ length: entries }, (_, index) => ({
    kind: 'team',
    subject: `t${index}`,
    before: undefined,
    after: { id: `t${index}` },
    revision: 1,
  }));
  const to = { orgId, now: new Date(1000), by, epoch: 7 };
  await inTransaction(database.pool, (client) => appendAuditEntries(client, to, things));
}

const run = (text: string): Promise<unknown> =>
  database.pool.query(text.replaceAll('$ORG', `'${orgId}'`));
const verify = (after?: ChainVerdict['verified']): Promise<ChainVerdict> =>
  verifyChain(database.pool, orgId, after);

test('a chain as it was appended is right, and goes on being so', async () => {
  const { fault, verified, head } = await verify();
  expect([fault, verified.sequence, head.sequence]).toEqual([undefined, 700, 700]);
  expect(verified).toEqual(head);
  await append(3);
  expect(await verify(head)).toMatchObject({ fault: undefined, verified: { sequence: 703 } });
});

const update = 'UPDATE audit_entry SET';
const at = 'WHERE org_id = $ORG AND sequence =';
// Planted, one after another, and the tests of it seen red: a hash of the number and the hash before alone; no comparison of
// numbers, of the hash with the fields, of the hash before, of the entries with the end of the chain.
test.each([
  ...[
    "actor = 'eve'",
    "rpc = 'CreateTeam'",
    "peer = '10.0.0.2'",
    "kind = 'user'",
    "subject = 'x'",
    'revision = 2',
    'revision = NULL',
    'epoch = 8',
    "reason = ''",
    "request_id = 'r'",
    `before_doc = '{}'`,
    `after_doc = '{ "form":1,"id":"t599"}'`,
    'after_doc = NULL',
    'secret_shown = true',
    "at = at + interval '1 ms'",
    'hash = previous_hash',
  ].map((what) => [`${update} ${what} ${at} 600`, 600, 'CHANGED'] as const),
  [`${update} previous_hash = hash ${at} 600`, 600, 'CHANGED'],
  [`DELETE FROM audit_entry ${at} 600`, 600, 'MISSING'],
  [`DELETE FROM audit_entry ${at} 1`, 1, 'MISSING'],
  [`DELETE FROM audit_entry ${at} 700`, 700, 'MISSING'],
  ['DELETE FROM audit_entry WHERE org_id = $ORG', 1, 'MISSING'],
  ['DELETE FROM audit_entry WHERE org_id = $ORG; DELETE FROM audit_chain', 1, 'MISSING'],
  [
    `${update} sequence = 9999 ${at} 600; ${update} sequence = 600 ${at} 601; ${update} sequence = 601 ${at} 9999`,
    600,
    'CHANGED',
  ],
  [
    `INSERT INTO audit_entry SELECT org_id, 701, at, actor, rpc, peer, kind, subject, revision, epoch, reason,
request_id, before_doc, after_doc, secret_shown, hash, hash FROM audit_entry ${at} 700`,
    701,
    'INSERTED',
  ],
  [
    `UPDATE audit_chain SET hash = (SELECT previous_hash FROM audit_entry ${at} 600) WHERE org_id = $ORG`,
    700,
    'CHANGED',
  ],
] as const)('after %s the first wrong entry is %i: %s', async (tampering, sequence, kind) => {
  for (const statement of tampering.split('; ')) await run(statement);
  expect((await verify()).fault).toEqual({ sequence, kind });
});

test('an entry that was replaced with a right hash is found by the one after it', async () => {
  const { rows } = await database.pool.query<{ previous_hash: Buffer }>(
    'SELECT previous_hash FROM audit_entry WHERE org_id = $1 AND sequence = 600',
    [orgId],
  );
  await run(`DELETE FROM audit_entry ${at} 600`);
  // Appended where 599 is the head, and moved back.
  await database.pool.query('UPDATE audit_chain SET sequence = 599, hash = $2 WHERE org_id = $1', [
    orgId,
    rows[0]?.previous_hash,
  ]);
  const { rows: kept } = await database.pool.query(
    'SELECT sequence, hash FROM audit_entry WHERE org_id = $1 AND sequence = 700',
    [orgId],
  );
  await append(1);
  await database.pool.query('UPDATE audit_chain SET sequence = 700, hash = $2 WHERE org_id = $1', [
    orgId,
    (kept[0] as { hash: Buffer }).hash,
  ]);
  expect((await verify()).fault).toEqual({ sequence: 601, kind: 'MISLINKED' });
});

// Planted: the kept head is not looked up.
test('a chain whose end was cut off, or that was made again, is right but for a head that was kept', async () => {
  const { head } = await verify();
  await run(`DELETE FROM audit_entry WHERE org_id = $ORG AND sequence > 690`);
  await run(
    `UPDATE audit_chain SET sequence = 690, hash = (SELECT hash FROM audit_entry ${at} 690) WHERE org_id = $ORG`,
  );
  expect((await verify()).fault).toBeUndefined();
  expect((await verify(head)).fault).toEqual({ sequence: 700, kind: 'NOT_AS_KEPT' });
  await append(20);
  expect((await verify()).fault).toBeUndefined();
  expect((await verify(head)).fault).toEqual({ sequence: 700, kind: 'NOT_AS_KEPT' });
});

test('no more than ten thousand entries are verified at once, and a second call goes on', async () => {
  await append(9800);
  const first = await verify();
  expect(first).toMatchObject({ fault: undefined, head: { sequence: 10_500 } });
  expect(first.verified.sequence).toBe(10_000);
  expect((await verify(first.verified)).verified).toEqual(first.head);
});

test('a head of nothing is right for every chain, and one that was made up for none', async () => {
  expect((await verify({ sequence: 0, hash: noHash })).fault).toBeUndefined();
  const madeUp = Buffer.alloc(32, 1);
  expect((await verify({ sequence: 0, hash: madeUp })).fault?.kind).toBe('NOT_AS_KEPT');
  expect((await verify({ sequence: 9, hash: madeUp })).fault?.kind).toBe('NOT_AS_KEPT');
});
