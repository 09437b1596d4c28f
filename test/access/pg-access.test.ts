import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Pool } from 'pg';
import { createPgAccess } from '../../src/access/pg-access.ts';
import { createPgAccessStore } from '../../src/access/pg-access-store.ts';
import { newSecret, secretSha256 } from '../../src/platform/secret.ts';
import type { NewAccess } from '../../src/service/access.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let nowMs = 0;
let queries = 0;
let isDown = false;

/** The pool, counted, and out of reach when a test says so. */
function countedPool(): Pool {
  return new Proxy(database.pool, {
    get(pool, name) {
      if (name !== 'query') return Reflect.get(pool, name);
      return (...args: Parameters<Pool['query']>) => {
        queries += 1;
        if (isDown) return Promise.reject(new Error('Connection terminated unexpectedly'));
        return pool.query(...args);
      };
    },
  });
}

const open = () => createPgAccess({ pool: countedPool(), monotonicMs: () => nowMs });

async function register(name: string, role: 'gateway' | 'org_admin', orgIds?: readonly string[]) {
  const secret = newSecret(role === 'gateway' ? 'gateway' : 'admin');
  const store = createPgAccessStore(database.pool);
  await store.create([{ name, role, orgIds, sha256: secretSha256(secret) }]);
  return secret;
}

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('DELETE FROM access_secret');
  queries = 0;
  isDown = false;
});

test('a secret stands for its caller on its own plane only', async () => {
  const access = open();
  const token = await register('edge', 'gateway', ['acme', 'globex']);
  const admin = await register('ann', 'org_admin', ['acme']);
  const caller = await access.authenticate(token, 'data');
  expect(caller).toEqual({ name: 'edge', role: 'gateway', orgIds: new Set(['acme', 'globex']) });
  expect(await access.authenticate(token, 'admin')).toBeUndefined();
  expect(await access.authenticate(admin, 'data')).toBeUndefined();
  expect(await access.authenticate(admin, 'admin')).toMatchObject({ name: 'ann' });
});

test('a caller without organizations may act for every one', async () => {
  const token = await register('edge', 'gateway');
  expect(await open().authenticate(token, 'data')).toMatchObject({ orgIds: undefined });
});

test('a certificate stands for the caller of its name', async () => {
  await register('spiffe://example.org/edge', 'gateway');
  const access = open();
  const caller = await access.identify('spiffe://example.org/edge', 'data');
  expect(caller).toMatchObject({ name: 'spiffe://example.org/edge' });
  expect(await access.identify('somebody', 'data')).toBeUndefined();
});

test('known and unknown secrets are asked for once in ten seconds, and a known one then at once', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  for (const secret of [token, 'unknown']) {
    await access.authenticate(secret, 'data');
    await access.authenticate(secret, 'data');
  }
  expect(queries).toBe(2);
  expect(access.authenticate(token, 'data')).not.toBeInstanceOf(Promise);
});

test('a revoked secret stops working within ten seconds', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  await database.pool.query('UPDATE access_secret SET revoked_at = now()');
  nowMs += 10_000;
  expect(await access.authenticate(token, 'data')).toBeUndefined();
});

test('while the store is away a known caller passes for ten minutes; an unknown one is UNAVAILABLE', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  isDown = true;
  nowMs += 9 * 60_000;
  expect(await access.authenticate(token, 'data')).toMatchObject({ name: 'edge' });
  await expect(access.authenticate('other', 'data')).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
  nowMs += 2 * 60_000;
  await expect(access.authenticate(token, 'data')).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
});

test('a flood of unknown secrets is a handful of queries, and does not forget the known one', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  for (let round = 0; round < 20; round += 1) {
    const flood = Array.from({ length: 900 }, (_, index) =>
      access.authenticate(`flood-${round}-${index}`, 'data'),
    );
    await Promise.all(flood.map((answer) => Promise.resolve(answer)));
  }
  expect(queries).toBeLessThanOrEqual(1 + 20 * 2);
  expect(access.authenticate(token, 'data')).not.toBeInstanceOf(Promise);
});

test('of two processes that register the same names at once, one succeeds', async () => {
  const store = createPgAccessStore(database.pool);
  expect(await store.isEmpty()).toBe(true);
  const results = await Promise.all(Array.from({ length: 8 }, () => store.create(firstEntries())));
  expect(results.filter(Boolean)).toHaveLength(1);
  const { rows } = await database.pool.query('SELECT name FROM access_secret');
  expect(rows).toHaveLength(2);
});

function firstEntries(): readonly NewAccess[] {
  return ['first-admin', 'first-gateway'].map((name) => ({
    name,
    role: 'gateway',
    orgIds: undefined,
    sha256: secretSha256(newSecret('gateway')),
  }));
}
