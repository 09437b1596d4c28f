import type { Pool } from 'pg';
import type { TargetFacts } from '../src/core/call.ts';
import { inTransaction } from '../src/db/transaction.ts';
import { partitionName } from '../src/ledger/sql/daily-partitions.ts';
import { createRollUp } from '../src/ledger/upkeep/roll-up.ts';
import { benchUser, benchUsers } from './scene.ts';

const days = 30;
const dayMs = 86_400_000;
const facts: TargetFacts = {
  name: 'gpt-4o',
  kind: 'MODEL',
  provider: 'openai',
  groups: [],
  members: [{ name: 'gpt-4o', provider: 'openai', groups: [] }],
};

/**
 * Puts rows into the usage ledger, as calls of an organization's users in the thirty days before today would
 * have, and rolls all of them up: what is measured afterwards is a large ledger, not the work of tidying it.
 */
export async function prefillLedger(
  pool: Pool,
  orgId: string,
  rows: number,
  rowsToday = 0,
): Promise<void> {
  const nowMs = Date.now();
  const todayMs = Math.floor(nowMs / dayMs) * dayMs;
  let done = 0;
  for (let day = 0; day < days; day += 1) {
    const until = Math.floor((rows * (day + 1)) / days);
    const startMs = todayMs - (days - day) * dayMs;
    await fillDay(pool, orgId, startMs, { from: done, rows: until - done, overMs: dayMs });
    done = until;
    console.log(`ledger: ${done} rows`);
  }
  if (rowsToday > 0) {
    const overMs = Math.floor(nowMs - todayMs);
    await fillDay(pool, orgId, todayMs, { from: done, rows: rowsToday, overMs });
  }
  // What autovacuum would do in the middle of a measurement.
  await pool.query('VACUUM (FREEZE, ANALYZE) usage');
  const rollUp = createRollUp({
    pool,
    transact: (work) => inTransaction(pool, work),
    nowMs: Date.now,
    pause: () => Promise.resolve(),
  });
  const pass = await rollUp();
  console.log(`ledger: ${pass.rows} rows rolled up, ${pass.waiting} organizations left`);
  await pool.query('VACUUM ANALYZE usage_daily, usage_quarter');
  await pool.query('CHECKPOINT');
}

/** The calls of a day: the number of the first one, how many, and over which time from its start they are spread. */
interface DayOfCalls {
  readonly from: number;
  readonly rows: number;
  readonly overMs: number;
}

/** One day's partition, filled before it is attached: its indexes are then made at once, not row by row. */
async function fillDay(
  pool: Pool,
  orgId: string,
  startMs: number,
  { from, rows, overMs }: DayOfCalls,
): Promise<void> {
  const [start, end] = [startMs, startMs + dayMs].map((atMs) => new Date(atMs).toISOString());
  const day = new Date(startMs).toISOString().slice(0, 10);
  const name = partitionName('usage', day);
  await pool.query(`CREATE TABLE ${name} (LIKE usage INCLUDING DEFAULTS)`);
  await pool.query(
    `INSERT INTO ${name} (org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id, target,
       facts, cost, input, output, reasoning_output, cached_input, cache_write, cache_write_1h, requests, price_revision, over_hold, late,
       unpriced)
     SELECT $1, to_timestamp(at / 1000.0), gen_random_uuid(), 'past-' || ($2::bigint + i), 'CALL', at,
       ARRAY['user:' || who, 'app:crm', 'team:red', 'org', 'team:red/user:' || who], who, 'gpt-4o',
       $5, 7500000, 1000, 500, 0, 0, 0, 0, 1,
       'MODEL gpt-4o 1', false, false, false
     FROM generate_series(0, $3::bigint - 1) AS i,
       LATERAL (SELECT $4::bigint + i * ${overMs} / $3::bigint AS at, '${benchUser('')}' || lpad((i % ${benchUsers})::text, 9, '0') AS who) AS one`,
    [orgId, from, rows, startMs, JSON.stringify(facts)],
  );
  await pool.query(
    `ALTER TABLE usage ATTACH PARTITION ${name} FOR VALUES FROM ('${start}') TO ('${end}')`,
  );
  await pool.query(
    `CREATE TABLE ${partitionName('usage_quarter', day)} PARTITION OF usage_quarter
     FOR VALUES FROM ('${start}') TO ('${end}')`,
  );
}
