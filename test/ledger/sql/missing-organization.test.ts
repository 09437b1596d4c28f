import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLane } from '../../../src/db/lane-client.ts';
import { plainArray, textArray } from '../../../src/db/wire/binary-arrays.ts';
import { fly } from '../../../src/db/wire/flight.ts';
import { prepareLane } from '../../../src/ledger/lane/statements.ts';
import { insertCalls } from '../../../src/ledger/sql/write-calls.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = await connectLane({
    connectionString: database.url,
    statementTimeoutMs: 20_000,
    connectTimeoutMs: 20_000,
  });
  await prepareLane(client, { perOrganization: true, lockTimeoutMs: 0 });
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/* Red without `rowCount` in `Flight`: the insert answered as if it had written the call. */
test('a call of an organization that is missing is not written, and not taken for written', async () => {
  const texts = (value: string | null) => textArray([value]);
  const numbers = plainArray([0n]);
  const insert = {
    ...insertCalls,
    values: [
      ...['nobody', 'r1', '{}', '{}', '{}', '{}', '{}'].map(texts),
      ...Array.from({ length: 6 }, () => numbers),
      ...['OPEN', null, '{}', null, null].map(texts),
    ],
    rowCount: 1,
  };
  await expect(fly(client, [insert])).rejects.toThrow(
    'insert-calls: expected 1 rows, the server says INSERT 0 0',
  );
  expect(await rowsOf('call')).toBe(0);
});

test('a Check of an organization whose row is gone fails and leaves nothing', async () => {
  const said = await checksOf(database, 'gone');
  for (const table of ['audit_entry', 'change_request', 'policy_revision', 'record', 'org']) {
    await database.pool.query(`DELETE FROM ${table} WHERE org_id = 'gone'`);
  }
  const replica = startReplica(database, { perOrganization: true });
  try {
    await expect(said({})(replica, 'r1', {})).rejects.toThrow();
    expect(await rowsOf('call')).toBe(0);
    // The organization's, and the platform's.
    expect(await rowsOf('meter')).toBe(2);
  } finally {
    await replica.ledger.close();
  }
});

async function rowsOf(table: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
  return Number(rows[0]?.count);
}
