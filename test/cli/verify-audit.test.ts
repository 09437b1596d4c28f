import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appendAuditEntries } from '../../src/audit/append-entries.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createTestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../support/organization.ts';
import { runCommand as run } from '../support/run-command.ts';

// Planted: a chain is not verified, or its witness is not looked at.
test('verify names the first wrong entry of an audit trail, and what a witness shows alone', async () => {
  const database = await createTestDatabase();
  await policyStoreOf(database.pool, () => 0).createOrganization(
    plainOrganization('acme'),
    anyChange,
  );
  const environment = { DATABASE_URL: database.url };
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-witness-'));
  const witness = join(folder, 'heads.jsonl');
  const verified = async (expected: number): Promise<string> => {
    const { said, ended } = run(['verify', '--witness', witness], environment);
    expect([await ended, said.err]).toEqual([expected, '']);
    return said.out;
  };
  const { pool } = database;
  try {
    expect(await verified(0)).toContain('2 audit trails, 1 entries, 0 faults\n');
    const kept = await readFile(witness, 'utf8');
    expect(kept).toMatch(/^\{"org_id":"acme","sequence":1,"hash":"[0-9a-f]{64}"\}$/m);
    await pool.query(`UPDATE audit_entry SET actor = 'eve'`);
    expect(await verified(1)).toContain('acme: audit entry 1 was changed\n');
    expect(await readFile(witness, 'utf8')).toBe(kept);

    // Somebody makes the chain again, and it is right in itself.
    await pool.query('DELETE FROM audit_entry');
    await pool.query('DELETE FROM audit_chain');
    const to = { orgId: 'acme', now: new Date(0), by: { actor: 'eve', reason: '' } };
    const thing = { kind: 'organization', subject: 'acme', before: undefined, after: {} };
    await inTransaction(pool, (client) => appendAuditEntries(client, to, [thing]));
    const alone = run(['verify'], environment);
    expect(await alone.ended).toBe(0);
    expect(await verified(1)).toContain('acme: audit entry 1 is not the one in the witness file');
  } finally {
    await rm(folder, { recursive: true });
    await database.drop();
  }
});
