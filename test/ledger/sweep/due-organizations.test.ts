import { afterAll, beforeAll, expect, test } from 'vitest';
import { fly } from '../../../src/db/wire/flight.ts';
import { connectLane } from '../../../src/db/lane-client.ts';
import { createDueOrganizations } from '../../../src/ledger/sweep/due-organizations.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const replica = startReplica(database, { perOrganization: true });
  for (const orgId of ['acme', 'beta', 'gamma']) {
    const said = await checksOf(database, orgId);
    if (orgId !== 'beta') await said({})(replica, 'r1', {});
  }
  await replica.ledger.close();
});

afterAll(() => database.drop());

/** A node that is lost, as Citus says it. */
function lost(): Error {
  const fault = { severity: 'ERROR', code: '08006' };
  return Object.assign(new Error('connection to the remote node failed'), fault);
}

/* Red where a search that fails for one organization fails as a whole. */
test('organizations are asked one by one, and one whose node is lost is left out', async () => {
  const client = await connectLane({
    connectionString: database.url,
    statementTimeoutMs: 20_000,
    connectTimeoutMs: 20_000,
  });
  const asked: string[] = [];
  let isListLost = false;
  const search = createDueOrganizations({
    rows: async (...statements) => {
      for (const { text, values } of statements) {
        if (isListLost && !text.includes('FROM call')) throw lost();
        if (text.includes('FROM call')) asked.push(String(values[0]));
        if (values[0] === 'acme') throw lost();
      }
      // Not prepared here.
      return fly(
        client,
        statements.map(({ text, values }) => ({ text, values })),
      );
    },
  });
  try {
    const everMs = `${Number.MAX_SAFE_INTEGER}`;
    const find = (after: string, mayGoOn = () => true) => search(after, 10, everMs, mayGoOn);
    expect(await find('')).toEqual({ due: ['gamma'], goOnAfter: undefined });
    expect(asked).toEqual(['acme', 'beta', 'gamma']);
    isListLost = true;
    expect(await find('')).toEqual({ due: ['gamma'], goOnAfter: undefined });
    expect(await find('gamma')).toEqual({ due: [], goOnAfter: undefined });
    asked.length = 0;
    // It breaks off before the third, and goes on there.
    expect(await find('', () => asked.length < 2)).toEqual({ due: [], goOnAfter: 'beta' });
    expect(await find('beta')).toEqual({ due: ['gamma'], goOnAfter: undefined });
  } finally {
    await client.end();
  }
});
