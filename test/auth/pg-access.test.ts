import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Pool } from 'pg';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { newSecret, secretSha256 } from '../../src/platform/secret.ts';
import type { NewAccess } from '../../src/service/auth.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let nowMs = 0;
let queries = 0;
let answered = 0;
let isDown = false;
/** Runs between a query's answer and its reader. */
let onAnswer: ((keys: readonly unknown[]) => Promise<void>) | undefined;

/** The pool, counted, and slow or out of reach when a test says so. */
function countedPool(): Pool {
  return new Proxy(database.pool, {
    get(pool, name) {
      if (name !== 'query') return Reflect.get(pool, name);
      return async (text: string, parameters: unknown[][]): Promise<unknown> => {
        queries += 1;
        if (isDown) throw new Error('Connection terminated unexpectedly');
        const answer = await pool.query(text, parameters);
        await onAnswer?.(parameters[0] ?? []);
        answered += 1;
        return answer;
      };
    },
  });
}

const open = () => createPgAccess({ pool: countedPool(), monotonicMs: () => nowMs });

async function register(
  name: string,
  role: 'gateway' | 'org_admin',
  orgIds?: readonly string[],
  certificateNames: readonly string[] = [],
) {
  const secret = newSecret(role === 'gateway' ? 'gateway' : 'admin');
  const store = createPgAccessStore(database.pool);
  await store.create(
    [{ name, role, orgIds, certificateNames, sha256: secretSha256(secret) }],
    'test',
  );
  return secret;
}

const revokeAll = () => database.pool.query('UPDATE account_secret SET revoked_at = now()');

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('TRUNCATE account, account_secret, account_certificate');
  queries = 0;
  answered = 0;
  isDown = false;
  onAnswer = undefined;
});

test('a secret stands for its caller on its own plane only', async () => {
  const access = open();
  const token = await register('edge', 'gateway', ['acme', 'globex']);
  const admin = await register('ann', 'org_admin', ['acme']);
  const caller = await access.authenticate(token, 'data');
  const grants = [{ role: 'gateway', orgIds: new Set(['acme', 'globex']) }];
  expect(caller).toEqual({ name: 'edge', grants });
  expect(await access.authenticate(token, 'admin')).toBeUndefined();
  expect(await access.authenticate(admin, 'data')).toBeUndefined();
  expect(await access.authenticate(admin, 'admin')).toMatchObject({ name: 'ann' });
});

test('a caller without organizations may act for every one', async () => {
  const token = await register('edge', 'gateway');
  expect(await open().authenticate(token, 'data')).toMatchObject({
    grants: [{ orgIds: undefined }],
  });
});

test('a certificate stands for the account that has its name', async () => {
  await register('edge', 'gateway', undefined, ['spiffe://example.org/edge', 'edge.example.org']);
  const access = open();
  expect(await access.identify('spiffe://example.org/edge', 'data')).toMatchObject({
    name: 'edge',
  });
  expect(await access.identify('edge.example.org', 'data')).toMatchObject({ name: 'edge' });
  expect(await access.identify('edge.example.org', 'admin')).toBeUndefined();
  // The id of an account is not the name of a certificate.
  expect(await access.identify('edge', 'data')).toBeUndefined();
});

test('a known secret is answered at once, and an unknown one is looked up at every call', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  expect(access.authenticate(token, 'data')).not.toBeInstanceOf(Promise);
  expect(queries).toBe(1);
  const late = newSecret('gateway');
  expect(await access.authenticate(late, 'data')).toBeUndefined();
  const entry = { name: 'late', role: 'gateway', orgIds: undefined } as const;
  const sha256 = secretSha256(late);
  await createPgAccessStore(database.pool).create([{ ...entry, sha256 }], 'test');
  expect(await access.authenticate(late, 'data')).toMatchObject({ name: 'late' });
});

// Red before: an answer was used for ten seconds.
test('a revoked secret does not work a second later', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  await revokeAll();
  nowMs += 1000;
  expect(await access.authenticate(token, 'data')).toBeUndefined();
});

test('a busy secret is looked up again before its answer is too old, once and without a wait', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  nowMs += 700;
  for (let call = 0; call < 100; call += 1) {
    expect(access.authenticate(token, 'data')).not.toBeInstanceOf(Promise);
  }
  await vi.waitUntil(() => answered === 2);
  nowMs += 700;
  expect(access.authenticate(token, 'data')).not.toBeInstanceOf(Promise);
  await vi.waitUntil(() => answered === 3);
  expect(queries).toBe(3);
});

// Red before: an answer counted from when it was read, however long the process was paused before.
test('an answer that was sent for before a pause is asked for again after it', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  for (const round of [1, 2]) {
    nowMs += 1000;
    onAnswer = async () => {
      onAnswer = undefined;
      if (round === 2) await revokeAll();
      nowMs += 30_000;
    };
    const found = await access.authenticate(token, 'data');
    expect(found?.name).toBe(round === 1 ? 'edge' : undefined);
  }
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

// Red before: a store that answers nothing held every caller up until its deadline.
test('a store that answers nothing is away: known callers pass, and a revocation binds when it is back', async () => {
  const token = await register('edge', 'gateway');
  const access = createPgAccess({ pool: countedPool(), monotonicMs: () => nowMs, silenceMs: 20 });
  await access.authenticate(token, 'data');
  const frozen = Promise.withResolvers<void>();
  onAnswer = () => frozen.promise;
  nowMs += 2000;
  expect(await access.authenticate(token, 'data')).toMatchObject({ name: 'edge' });
  expect(access.authenticate(token, 'data')).not.toBeInstanceOf(Promise);
  onAnswer = undefined;
  await revokeAll();
  frozen.resolve();
  // Nobody calls meanwhile: the cache itself asks until the store answers.
  await vi.waitUntil(() => answered >= 3, { timeout: 5000 });
  await vi.waitUntil(async () => (await access.authenticate(token, 'data')) === undefined);
  access.close();
});

// Red before: the overload of our own look-ups let a stale caller pass for ten minutes.
test('under a flood of unknown secrets a known caller is looked up in time, and a revocation binds', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  await access.authenticate(token, 'data');
  const stuck = Promise.withResolvers<void>();
  onAnswer = (keys) => (keys.length > 1 ? stuck.promise : Promise.resolve());
  const flood = Array.from({ length: 5000 }, async (_, at) => access.authenticate(`${at}`, 'data'));
  const settled = Promise.allSettled(flood);
  nowMs += 1000;
  expect(await access.authenticate(token, 'data')).toMatchObject({ name: 'edge' });
  await revokeAll();
  nowMs += 1000;
  expect(await access.authenticate(token, 'data')).toBeUndefined();
  stuck.resolve();
  const refused = (await settled).filter((one) => one.status === 'rejected');
  expect(refused[0]?.reason).toMatchObject({ kind: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
});

/* Seen red without the shares of peers: the new secret was refused, since the flood had all places. */
test('a flood of unknown secrets from one peer delays a new one from another by two queries at most', async () => {
  const token = await register('edge', 'gateway');
  const access = open();
  const running = Promise.withResolvers<void>();
  onAnswer = () => running.promise;
  const flood = Array.from({ length: 5000 }, async (_, at) =>
    access.authenticate(`${at}`, 'data', '192.0.2.1'),
  );
  const settled = Promise.allSettled(flood);
  await expect.poll(() => queries).toBe(1);
  const more = Array.from({ length: 5000 }, async (_, at) =>
    access.authenticate(`more-${at}`, 'data', '192.0.2.1'),
  );
  const refused = Promise.allSettled(more);
  const honest = access.authenticate(token, 'data', '192.0.2.2');
  running.resolve();
  expect(await honest).toMatchObject({ name: 'edge' });
  expect(queries).toBe(2);
  const outcomes = [...(await settled), ...(await refused)];
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1000);
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
  const results = await Promise.all(
    Array.from({ length: 8 }, () => store.create(firstEntries(), 'test')),
  );
  expect(results.filter(Boolean)).toHaveLength(1);
  const { rows } = await database.pool.query('SELECT account_id FROM account');
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
