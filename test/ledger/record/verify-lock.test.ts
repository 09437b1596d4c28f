import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyOrganization } from '../../../src/ledger/record/verify.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';

/*
 * Planted once, and seen red: a comparison that locks the organization, and a repair that does not.
 */
let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  await policyStoreOf(pool, Date.now).createOrganization(plainOrganization('acme'), anyChange);
});

afterAll(() => database.drop());

/** Whether a batch of the organization could begin now. */
async function isFree(): Promise<boolean> {
  const { rows } = await pool.query(
    `SELECT 1 FROM meter WHERE org_id = 'acme' AND meter_id = 'org' FOR UPDATE SKIP LOCKED`,
  );
  return rows.length === 1;
}

async function whileOpen<Done>(work: (client: PoolClient) => Promise<Done>): Promise<Done> {
  const client = await pool.connect();
  await client.query('BEGIN');
  try {
    return await work(client);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

test.each([
  ['comparing meters with the record keeps no call waiting', false, true],
  ['repairing them keeps the calls of the organization out', true, false],
])('%s', async (_, repair, isExpectedFree) => {
  await whileOpen(async (client) => {
    expect(await verifyOrganization(client, 'acme', repair)).toEqual([]);
    expect(await isFree()).toBe(isExpectedFree);
  });
  expect(await isFree()).toBe(true);
});
