import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Pool } from 'pg';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { createPool } from '../../src/db/pool.ts';
import { createRollUp } from '../../src/ledger/upkeep/roll-up.ts';
import { executeOn, withDatabase } from '../support/postgres-server.ts';
import { lifetimeOf, transactionsOf } from '../support/usage-rows.ts';

/* Seen red with sums kept of days that still have their rows. */
let name: string;
let url: string;
let pool: Pool;

beforeEach(async () => {
  name = `tollgate_before_${randomBytes(6).toString('hex')}`;
  await executeOn(inject('postgresUrl'), `CREATE DATABASE ${name}`);
  url = withDatabase(inject('postgresUrl'), name);
  const dbClient = new Client({ connectionString: url });
  await dbClient.connect();
  await runner({
    dbClient,
    dir: fileURLToPath(new URL('../../src/db/migrations', import.meta.url)),
    direction: 'up',
    migrationsTable: 'tollgate_migration',
    count: 12,
    log: () => undefined,
  });
  await dbClient.end();
  pool = createPool({
    url,
    applicationName: 'migration',
    maxConnections: 2,
    statementTimeoutMs: 20_000,
    poolWaitMs: 20_000,
  });
});

afterEach(async () => {
  await pool.end();
  await executeOn(inject('postgresUrl'), `DROP DATABASE ${name} WITH (FORCE)`);
});

const facts = JSON.stringify({ name: 'gpt-5', kind: 'UNKNOWN', groups: [], members: [] });

async function addOrganization(orgId: string): Promise<void> {
  await pool.query(
    `INSERT INTO org (org_id, epoch, version, state, display_name, time_zone, week_start, month_anchor_day,
       unknown_subjects, unpriced, on_expiry, on_store_failure, store_content, default_output_tokens, created_at, updated_at)
     VALUES ($1, 1, 1, 'ACTIVE', '', 'Europe/Berlin', 1, 1, 'ALLOW', 'DENY', 'RELEASE', 'DENY', 'METADATA', 0, now(), now())`,
    [orgId],
  );
  await pool.query(`INSERT INTO meter (org_id, meter_id) VALUES ($1, 'org')`, [orgId]);
}

/** A recorded day as the roll-up before left it: its sum, if it is rolled up, and its row, if it is still there. */
async function addDay(
  orgId: string,
  day: string,
  state: 'row' | 'row and part of the sum' | 'row and sum' | 'sum',
): Promise<void> {
  if (state !== 'sum') {
    await pool.query(
      `INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, target, facts, cost, input, output,
         cached_input, cache_write, requests, over_hold, late, unpriced)
       VALUES ($1, $2::date + interval '10 hours', gen_random_uuid(), 'r', 'CALL',
         extract(epoch FROM $2::date + interval '10 hours') * 1000, '{org}', 'gpt-5', $3, 7, 14, 21, 0, 0, 1, false, false, false)`,
      [orgId, day, facts],
    );
  }
  if (state === 'row') return;
  await pool.query(
    `INSERT INTO usage_rolled (org_id, day, complete, rolled_to, rolled_to_id)
     VALUES ($1, $2, $3, '-infinity', '00000000-0000-0000-0000-000000000000')`,
    [orgId, day, state !== 'row and part of the sum'],
  );
  await pool.query(
    `INSERT INTO usage_daily (org_id, recorded_day, day, subject, facts, cost, input, output, requests)
     VALUES ($1, $2, $2, 'org', $3, 7, 14, 21, 1)`,
    [orgId, day, facts],
  );
}

test('usage that was rolled up by day keeps its sums, and what still has rows is rolled up again', async () => {
  for (const orgId of ['acme', 'past', 'fresh', 'unused']) await addOrganization(orgId);
  await addDay('acme', '2025-01-01', 'sum');
  await addDay('acme', '2026-03-07', 'row and sum');
  await addDay('acme', '2026-03-08', 'row and part of the sum');
  await addDay('acme', '2026-03-09', 'row');
  await addDay('past', '2025-01-01', 'sum');
  await addDay('fresh', '2026-03-09', 'row');
  await migrate(url);

  const all = { acme: 4n, past: 1n, fresh: 1n, unused: 0n };
  const rollUp = createRollUp({
    pool,
    transact: transactionsOf(pool),
    nowMs: () => Date.parse('2026-03-10T00:00:00Z'),
    pause: () => Promise.resolve(),
  });
  for (const rows of [4, 0]) {
    for (const [orgId, days] of Object.entries(all)) {
      const sums = [7n, 14n, 21n, 1n].map((each) => each * days).join('/');
      expect(await lifetimeOf(pool, orgId, 'org'), orgId).toBe(sums);
    }
    expect(await rollUp()).toMatchObject({ rows, waiting: 0 });
  }
});
