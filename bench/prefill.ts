import type { Pool } from 'pg';

const perStatement = 500_000;

/** Puts rows into the usage ledger, as past calls of an organization's users would have. */
export async function prefillLedger(pool: Pool, orgId: string, rows: number): Promise<void> {
  for (let done = 0; done < rows; done += perStatement) {
    await pool.query(
      `INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id, target,
         facts, cost, input, output, cached_input, cache_write, requests, price_revision, over_hold, late,
         unpriced)
       SELECT $1, now() - interval '30 days' + i * interval '0.2 seconds', gen_random_uuid(),
         'past-' || ($2::bigint + i), 'CALL',
         (extract(epoch FROM now() - interval '30 days') * 1000)::bigint + i * 200,
         ARRAY['user:user-' || (i % 1000), 'app:crm', 'team:red', 'org', 'team:red/user:user-' || (i % 1000)],
         'user-' || (i % 1000), 'gpt-4o', '{}', 7500000, 1000, 500, 0, 0, 1, 'MODEL gpt-4o 1', false, false,
         false
       FROM generate_series(1, $3::bigint) AS i`,
      [orgId, done, Math.min(perStatement, rows - done)],
    );
    console.log(`ledger: ${Math.min(done + perStatement, rows)} rows`);
  }
  await pool.query('ANALYZE usage');
}
