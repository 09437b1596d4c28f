import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import { platformId } from '../../src/policies/policy-store.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import { createImportPrices } from '../../src/service/admin/import-prices.ts';
import { firstStart } from '../../src/service/first-start.ts';
import { model } from '../policies/builders.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../support/organization.ts';

let database: TestDatabase;
let pool: Pool;
let store: PolicyStore;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  store = policyStoreOf(pool, () => Date.parse('2026-03-10T09:00:00Z'));
});

afterEach(() => database.drop());

function start(more: Partial<Parameters<typeof firstStart>[0]> = {}) {
  const clock = { nowMs: () => Date.parse('2026-03-10T09:00:00Z') };
  const importPrices = createImportPrices({ store, clock, subjectFault: () => undefined });
  const access = createPgAccessStore(pool);
  return firstStart({ access, store, withExample: true, importPrices, ...more });
}

async function rows<Row extends object>(text: string): Promise<readonly Row[]> {
  return (await pool.query<Row>(text)).rows;
}

const countRevisions = 'SELECT count(*)::int AS count FROM policy_revision';

/* Planted, seen red, one each: the secrets of a second start are returned; the secrets themselves are stored. */
test('the first start makes two secrets and the example, the next one nothing', async () => {
  const secrets = await start();
  const stored = await rows<{ sha256: Buffer; role: string }>(
    `SELECT sha256, grants->0->>'role' AS role FROM account_secret JOIN account USING (account_id)
ORDER BY role`,
  );
  expect(stored).toEqual([
    { sha256: secretSha256(secrets?.gateway ?? ''), role: 'gateway' },
    { sha256: secretSha256(secrets?.admin ?? ''), role: 'platform_admin' },
  ]);
  expect(await rows(countRevisions)).toEqual([{ count: 3 }]);
  expect(await start()).toBeUndefined();
  expect(await rows(countRevisions)).toEqual([{ count: 3 }]);
});

/* Planted, seen red: models put as they are, whatever is there. */
test('the example inherits models and prices of the platform, and changes none that are there', async () => {
  const ours = model('gpt-4o', { displayName: 'Ours' });
  await store.put(platformId, 'model', ours, anyChange);
  await start();
  expect((await store.get(platformId, 'model', 'gpt-4o')).record).toEqual(ours);
  const inherited = await store.get('acme', 'model', 'gpt-4o-mini');
  expect(inherited).toMatchObject({
    record: { provider: 'openai' },
    origin: { source: 'PLATFORM' },
  });
  const owned = 'SELECT count(*)::int AS count FROM price_revision WHERE org_id = ';
  expect((await rows<{ count: number }>(`${owned}''`))[0]?.count).toBeGreaterThan(50);
  expect(await rows(`${owned}'acme'`)).toEqual([{ count: 0 }]);
});

/* Planted, seen red: the secrets are shown after the commit. */
test('secrets that could not be shown are not made, and the next start makes others', async () => {
  const fails = start({ show: () => Promise.reject(new Error('the disk is full')) });
  await expect(fails).rejects.toThrow();
  expect(await rows('SELECT 1 FROM account_secret')).toEqual([]);
  const shown: unknown[] = [];
  const secrets = await start({ show: async (made) => void shown.push(made) });
  expect(shown).toEqual([secrets]);
  expect(await rows(countRevisions)).toEqual([{ count: 3 }]);
});

/* Planted, seen red: changes without request ids. What the first start had done was done again. */
test('an interrupted example is completed, and what is there is not changed again', async () => {
  let left = 4;
  const interrupted: PolicyStore = {
    ...store,
    async putPolicy(...args) {
      if ((left -= 1) < 3) throw new Error('killed');
      return store.putPolicy(...args);
    },
  };
  await expect(start({ store: interrupted })).rejects.toThrow('killed');
  expect(await rows(countRevisions)).toEqual([{ count: 1 }]);
  expect(await start()).toBeDefined();
  expect(await rows(countRevisions)).toEqual([{ count: 3 }]);
});

test('an organization of somebody else with that name is left as it is', async () => {
  await store.createOrganization(plainOrganization('acme', { displayName: 'Ours' }), anyChange);
  expect(await start()).toBeDefined();
  expect(await rows(countRevisions)).toEqual([{ count: 0 }]);
});

test('of two that start at once, one makes the secrets', async () => {
  const made = await Promise.all([start(), start()]);
  expect(made.filter((secrets) => secrets !== undefined)).toHaveLength(1);
  expect(await rows('SELECT 1 FROM account_secret')).toHaveLength(2);
});
