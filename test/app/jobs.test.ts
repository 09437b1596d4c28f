import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startJobs } from '../../src/app/jobs.ts';
import { createLedgerMetrics } from '../../src/platform/ledger-metrics.ts';
import { createUndoList } from '../../src/platform/undo.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../support/organization.ts';
import { testSettings } from '../support/test-app.ts';

const nowMs = Date.parse('2026-03-10T09:00:00Z');
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

async function keptRequests(): Promise<string[]> {
  const { rows } = await database.pool.query<{ org_id: string }>(
    'SELECT org_id FROM change_request ORDER BY 1',
  );
  return rows.map((row) => row.org_id);
}

// Seen red with a loop that ends at the first organization that fails.
test('with one organization to a statement, a lost node does not keep the admin request ids of others', async () => {
  const { pool } = database;
  const store = policyStoreOf(pool, () => nowMs);
  for (const orgId of ['acme', 'beta']) {
    await store.createOrganization(plainOrganization(orgId), { ...anyChange, requestId: orgId });
  }
  await pool.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the node is lost'; END $$;
CREATE TRIGGER lost BEFORE DELETE ON change_request FOR EACH ROW WHEN (OLD.org_id = 'acme') EXECUTE FUNCTION refuse()`);
  const undo = createUndoList();
  const parts = {
    pool,
    clock: { nowMs: () => nowMs + 30 * 86_400_000 },
    log: pino({ level: 'silent' }),
    metrics: createLedgerMetrics(new Registry()),
    sweep: { pass: () => Promise.resolve({ ended: 0, stuck: 0, examples: [] }) },
  };
  const settings = { ...testSettings(database.url), batch: 'per-org' as const };
  startJobs(settings, parts, undo);
  await expect.poll(keptRequests).toEqual(['acme']);
  await undo.run();
});
