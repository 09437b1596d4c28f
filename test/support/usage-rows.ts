import type { Pool } from 'pg';
import { inTransaction } from '../../src/db/transaction.ts';
import { parseMeterName } from '../../src/core/meter.ts';
import { ledgerSums } from '../../src/ledger/record/ledger-sums.ts';
import { windowOffsets } from '../../src/ledger/sql/apply-deltas.ts';
import type { Transact } from '../../src/ledger/upkeep/transact.ts';

/** A row of the usage ledger, as far as the roll-up sees it. */
export interface UsageRow {
  readonly orgId: string;
  readonly recordedAt: string;
  readonly bookedAt: string;
  readonly subjects: readonly string[];
  readonly target: string;
  readonly cost: bigint;
  readonly units?: Readonly<Record<string, number>>;
}

/** Puts rows into the ledger, as batches would have. Every other nano-USD is of a service tier, every third of a provider. */
export async function insertUsageRows(pool: Pool, rows: readonly UsageRow[]): Promise<void> {
  const facts = (target: string): string => {
    return JSON.stringify({ name: target, kind: 'UNKNOWN', groups: [], members: [] });
  };
  await pool.query(
    `INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id, target, facts, cost,
       input, output, reasoning_output, cached_input, cache_write, cache_write_1h, requests, over_hold, late, unpriced,
       provider, service_tier, units)
     SELECT org_id, recorded_at, gen_random_uuid(), 'r', 'CALL', extract(epoch FROM booked_at) * 1000,
       subjects::text[], user_id, target, facts, cost, 2 * cost, 3 * cost, 0, 0, 0, 0, 1, false, false, false,
       CASE WHEN cost % 3 = 0 THEN 'azure' END, CASE WHEN cost % 2 = 0 THEN 'flex' END, units::jsonb
     FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
       $7::bigint[], $8::text[], $9::text[])
       AS u(org_id, recorded_at, booked_at, subjects, target, facts, cost, user_id, units)`,
    [
      rows.map((row) => row.orgId),
      rows.map((row) => row.recordedAt),
      rows.map((row) => row.bookedAt),
      rows.map((row) => `{${row.subjects.map((subject) => `"${subject}"`).join(',')}}`),
      rows.map((row) => row.target),
      rows.map((row) => facts(row.target)),
      rows.map((row) => row.cost),
      rows.map((row) => row.subjects.find((subject) => subject.startsWith('user:'))?.slice(5)),
      rows.map(({ units }) => (units === undefined ? null : JSON.stringify(units))),
    ],
  );
}

/** What the ledger says a subject used in its lifetime, as `cost/input/output/requests`. */
export async function lifetimeOf(pool: Pool, orgId: string, subject: string): Promise<string> {
  const meter = parseMeterName(subject);
  if (meter === undefined) throw new Error(`${subject} names no meter`);
  const [sums = []] = await ledgerSums(pool, orgId, [meter], [0, 0, 0, 0, 0, 0, 0]);
  const from = windowOffsets.at(-1)?.counters ?? 0;
  return sums.slice(from, from + 4).join('/');
}

/** The sums of quarters, or of days of UTC, that the roll-up arrives at, or that single rows add up to. */
export async function sumsOf(
  pool: Pool,
  of: 'usage_quarter' | 'usage_daily',
  from: 'sums' | 'rows',
): Promise<string[]> {
  const lengthMs = of === 'usage_quarter' ? 900_000 : 86_400_000;
  const rows =
    from === 'sums'
      ? `(SELECT s.org_id, extract(epoch FROM s.starts_at)::bigint * 1000 AS start_ms, s.subject,
  concat_ws(' ', t.facts, t.provider, t.service_tier) AS facts, s.cost,
  s.input, s.output, s.requests FROM ${of} s JOIN usage_target t USING (org_id, target)
  WHERE s.subject !~ '^=|:$') AS u`
      : `(SELECT org_id, booked_at / ${lengthMs} * ${lengthMs} AS start_ms, unnest(subjects) AS subject,
  concat_ws(' ', facts, coalesce(provider, ''), coalesce(service_tier, '')) AS facts, cost,
  input, output, requests FROM usage) AS u`;
  const { rows: sums } = await pool.query<{ sum: string }>(
    `SELECT concat_ws(' ', org_id, start_ms, subject, facts, sum(cost), sum(input), sum(output),
  sum(requests)) AS sum FROM ${rows} GROUP BY org_id, start_ms, subject, facts ORDER BY 1`,
  );
  return sums.map(({ sum }) => sum);
}

/** Transactions of a pool. */
export function transactionsOf(pool: Pool): Transact {
  return (work) => inTransaction(pool, work);
}
