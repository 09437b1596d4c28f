import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE note (id integer PRIMARY KEY, text text)');
});
afterAll(() => database.drop());

async function textOf(id: number): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ text: string }>(
    'SELECT text FROM note WHERE id = $1',
    [id],
  );
  return rows[0]?.text;
}

function failure(code: string): Error {
  return Object.assign(new Error(`SQLSTATE ${code}`), { code });
}

test('what succeeds is there, what is refused is not', async () => {
  await inTransaction(database.pool, (client) =>
    client.query("INSERT INTO note VALUES (1, 'kept')"),
  );
  const refused = new ServiceError('ORG_FORBIDDEN', 'x');
  const attempt = inTransaction(database.pool, async (client) => {
    await client.query("UPDATE note SET text = 'lost' WHERE id = 1");
    throw refused;
  });
  await expect(attempt).rejects.toBe(refused);
  expect(await textOf(1)).toBe('kept');
});

test('a discarded transaction answers and writes nothing', async () => {
  const answer = await inTransaction(
    database.pool,
    async (client) => {
      await client.query("INSERT INTO note VALUES (2, 'lost')");
      return 'answer';
    },
    { discard: true },
  );
  expect([answer, await textOf(2)]).toEqual(['answer', undefined]);
});

test('a failure that may pass is tried again from the start, each time on a clean slate', async () => {
  let attempts = 0;
  await inTransaction(database.pool, async (client) => {
    await client.query("INSERT INTO note VALUES (3, 'once')");
    attempts += 1;
    if (attempts < 3) throw failure('40001');
  });
  expect([attempts, await textOf(3)]).toEqual([3, 'once']);
});

test('a deadlock that stays is given up, and reported as a busy store', async () => {
  let attempts = 0;
  const attempt = inTransaction(database.pool, async () => {
    attempts += 1;
    throw failure('40P01');
  });
  await expect(attempt).rejects.toMatchObject({ reason: 'STORE_BUSY' });
  expect(attempts).toBe(4);
});

test('two transactions that lock each other out both succeed', async () => {
  await database.pool.query("INSERT INTO note VALUES (10, ''), (11, '')");
  const firstHolds = Promise.withResolvers<void>();
  const secondHolds = Promise.withResolvers<void>();
  const append = (first: number, second: number, mine: () => void, other: Promise<void>) =>
    inTransaction(database.pool, async (client) => {
      const statement = "UPDATE note SET text = text || 'x' WHERE id = $1";
      await client.query(statement, [first]);
      mine();
      await other;
      await client.query(statement, [second]);
    });
  await Promise.all([
    append(10, 11, firstHolds.resolve, secondHolds.promise),
    append(11, 10, secondHolds.resolve, firstHolds.promise),
  ]);
  expect([await textOf(10), await textOf(11)]).toEqual(['xx', 'xx']);
});

test('a lost connection is replaced while nothing is committed', async () => {
  let attempts = 0;
  await inTransaction(database.pool, async (client) => {
    attempts += 1;
    await client.query("INSERT INTO note VALUES (4, 'once')");
    if (attempts === 1) await client.query('SELECT pg_terminate_backend(pg_backend_pid())');
  });
  expect([attempts, await textOf(4)]).toEqual([2, 'once']);
});

// Planted: with `uncertain` always false, `attempts` is 2.
test('a connection lost while committing is never tried again, since it may have happened', async () => {
  let attempts = 0;
  const attempt = inTransaction(database.pool, async (client) => {
    attempts += 1;
    await client.query("INSERT INTO note VALUES (5, 'perhaps')");
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const query = client.query.bind(client);
    Reflect.set(client, 'query', async (statement: string) => {
      if (statement !== 'COMMIT') return query(statement);
      await query('COMMIT');
      await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      return query('SELECT 1');
    });
  });
  await expect(attempt).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect([attempts, await textOf(5)]).toEqual([1, 'perhaps']);
});
