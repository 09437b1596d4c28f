import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRefusedByServer } from '../../../src/db/wire/server-refusal.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/* Red on the code before: the session was kept, and every call of the lane was INTERNAL forever. */
test('a lane whose prepared statements are gone goes on with a new connection', async () => {
  const opened: Client[] = [];
  const replica = startReplica(database, { onOpen: (client) => void opened.push(client) });
  const send = (await checksOf(database, 'acme'))({});
  await send(replica, 'r1', { input: 1n, output: 1n, cost: 1n });
  await opened[0]?.query('DEALLOCATE ALL');
  const { outcome } = await send(replica, 'r2', { input: 1n, output: 1n, cost: 1n });
  expect(outcome.decision).toBe('ALLOW');
  expect(opened).toHaveLength(2);
  await replica.ledger.close();
});

test('a session is not kept where its statements cannot work any more, and kept where one was refused', () => {
  const refusal = (code: string) => Object.assign(new Error('x'), { severity: 'ERROR', code });
  const kept = ['25006', '26000', '0A000', '22003', '55P03'].map((code) =>
    isRefusedByServer(refusal(code)),
  );
  expect(kept).toEqual([false, false, false, true, true]);
});
