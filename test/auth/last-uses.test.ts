import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pool } from 'pg';
import { createLastUses } from '../../src/auth/last-uses.ts';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let writes = 0;
let failures = 0;
let isDown = false;
const onFailure = (): void => void (failures += 1);

/** The pool, counted, and out of reach when a test says so. */
const counted = (): Pool =>
  new Proxy(database.pool, {
    get(pool, name) {
      if (name !== 'query') return Reflect.get(pool, name);
      return (text: string, parameters: unknown[]): unknown => {
        writes += 1;
        return isDown ? Promise.reject(new Error('away')) : pool.query(text, parameters);
      };
    },
  });

beforeAll(async () => {
  database = await createTestDatabase();
  await createPgAccessStore(database.pool).create(
    ['busy', 'idle', 'late'].map((name) => ({
      name,
      role: 'gateway',
      orgIds: undefined,
      sha256: secretSha256(name),
    })),
    'test',
  );
});
afterAll(() => database.drop());

/** The accounts whose secrets were used, and the sum of the versions of all. */
async function used(): Promise<readonly unknown[]> {
  const { rows } = await database.pool.query<{ account_id: string; version: string }>(
    'SELECT account_id, version FROM account_secret WHERE last_used_at IS NOT NULL ORDER BY 1',
  );
  return rows.map(({ account_id: id, version }) => [id, version]);
}

// Red with a write at each use, and with uses that are noted for wrong secrets too.
test('a thousand uses are one write, of the secrets that were valid; the etag stays', async () => {
  const uses = createLastUses({ pool: counted(), onFailure });
  const noted = new Set<string>();
  const onUse = (sha256: string): void => {
    noted.add(sha256);
    uses.note(sha256);
  };
  const access = createPgAccess({ pool: database.pool, onUse });
  for (let call = 0; call < 1000; call += 1) await access.authenticate('busy', 'data');
  await access.authenticate('wrong', 'data');
  // A flood of wrong secrets would take the places of others.
  expect([...noted]).toEqual([secretSha256('busy').toString('hex')]);
  expect([writes, await used()]).toEqual([0, []]);
  await uses.write();
  await uses.write();
  expect([writes, await used()]).toEqual([1, [['busy', '1']]]);
  access.close();
  await uses.close();
});

// Red without the condition on the time of the last write: each replica wrote each minute.
test('a use that another replica has written is not written again', async () => {
  const other = createLastUses({ pool: database.pool, onFailure });
  const rowOf = async () =>
    (await database.pool.query("SELECT xmin FROM account_secret WHERE account_id = 'busy'")).rows;
  const before = await rowOf();
  other.note(secretSha256('busy').toString('hex'));
  await other.write();
  expect(await rowOf()).toEqual(before);
  await other.close();
});

// Red with uses that are dropped when the write fails, and without the write at the end.
test('what could not be written is written later, at the latest at the end', async () => {
  const uses = createLastUses({ pool: counted(), onFailure });
  isDown = true;
  uses.note(secretSha256('late').toString('hex'));
  await uses.write();
  expect(failures).toBe(1);
  isDown = false;
  await uses.close();
  expect(await used()).toEqual([
    ['busy', '1'],
    ['late', '1'],
  ]);
});
