import type { Pool } from 'pg';
import { counters } from '../../src/ledger/sql/apply-deltas.ts';
import { windows } from '../../src/core/policy.ts';
import { differencesOf } from '../support/verified.ts';
import type { Violation } from './journal.ts';
import { booked } from './reference.ts';
import type { Booked, ReferenceCall } from './reference.ts';
import { budget, tenants, tight } from './tenants.ts';

const mostRows = 10;

/**
 * Compares the ledger, when no hold is open any more, with itself, and the calls whose request ids begin with
 * `idPrefix` with the reference.
 */
export async function auditBooks(
  pool: Pool,
  calls: readonly ReferenceCall[],
  idPrefix: string,
  budgetNanos: bigint,
): Promise<Violation[]> {
  return [
    ...(await openHolds(pool)),
    ...(await verifyMeters(pool)),
    ...(await recountMeters(pool)),
    ...(await auditBudget(pool, budgetNanos)),
    ...(await compareCalls(pool, calls, idPrefix)),
  ];
}

/** Holds that are open. */
export async function countOpen(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM call WHERE state = 'OPEN'`,
  );
  return rows[0]?.open ?? 0;
}

async function openHolds(pool: Pool): Promise<Violation[]> {
  const { rows } = await pool.query(
    `SELECT org_id, request_id, expires_at FROM call WHERE state = 'OPEN' LIMIT ${mostRows}`,
  );
  return violationsOf('no hold outlives its time', rows);
}

/** As `tollgate verify` does. */
async function verifyMeters(pool: Pool): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { orgId } of tenants) {
    const differences = await differencesOf(pool, orgId);
    const promise = 'every meter equals the ledger (as verify computes it)';
    const rows = differences.map((one) => ({ orgId, ...one, recorded: String(one.recorded) }));
    found.push(...violationsOf(promise, rows));
  }
  return found;
}

/** Once more by plain SQL that shares nothing with the program: sums of usage; holds are nought. */
async function recountMeters(pool: Pool): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const window of windows) {
    const prefix = window.toLowerCase();
    const from = window === 'LIFETIME' ? '0' : `m.${prefix}_start`;
    const meter = counters.map((counter) => `m.${prefix}_${counter}`).join(', ');
    const { rows } = await pool.query(
      `SELECT '${window}' AS of_window, m.org_id, m.meter_id, ARRAY[${meter}]::text[] AS meter, s.ledger::text[]
       FROM meter m CROSS JOIN LATERAL (
         SELECT ARRAY[coalesce(sum(cost), 0), coalesce(sum(input), 0), coalesce(sum(output), 0),
           coalesce(sum(requests), 0), 0, 0, 0] AS ledger
         FROM usage u WHERE u.org_id = m.org_id AND m.meter_id = ANY (u.subjects) AND u.booked_at >= ${from}) AS s
       WHERE m.meter_id NOT LIKE '%@%' AND ARRAY[${meter}]::numeric[] <> s.ledger LIMIT ${mostRows}`,
    );
    found.push(...violationsOf('every meter equals the ledger (by plain SQL)', rows));
  }
  const { rows } = await pool.query(
    'SELECT org_id, meter_id, in_flight FROM meter WHERE in_flight <> 0',
  );
  return [...found, ...violationsOf('nothing is in flight without a hold', rows)];
}

/** What was settled within its hold never adds up to more than the amount; the rest is debt. */
async function auditBudget(pool: Pool, amountNanos: bigint): Promise<Violation[]> {
  const { rows } = await pool.query<{ within: string }>(
    `SELECT coalesce(sum(least(u.cost, c.held_cost)), 0) AS within
     FROM usage u JOIN call c USING (org_id, request_id)
     WHERE u.org_id = $1 AND u.kind = 'CALL' AND NOT u.late AND c.answer <> ''`,
    [tight.orgId],
  );
  const within = BigInt(rows[0]?.within ?? 0);
  if (within <= amountNanos) return [];
  const evidence = `${within} nanos within their holds, on a ${budget.name} of ${amountNanos}`;
  return [{ promise: 'no budget is oversubscribed but by debt', evidence }];
}

interface CallRow {
  readonly org_id: string;
  readonly request_id: string;
  readonly state: string | null;
  readonly cost: string;
  readonly input: string;
  readonly output: string;
  readonly requests: string;
  readonly reports: string;
  readonly expiries: string;
}

/** Each call as the ledger has it, against the ways in which its caller's books say it may be. */
async function compareCalls(
  pool: Pool,
  calls: readonly ReferenceCall[],
  idPrefix: string,
): Promise<Violation[]> {
  const { rows } = await pool.query<CallRow>(
    `SELECT org_id, request_id, c.state, coalesce(sum(u.cost), 0) AS cost, coalesce(sum(u.input), 0) AS input,
       coalesce(sum(u.output), 0) AS output, coalesce(sum(u.requests), 0) AS requests,
       count(*) FILTER (WHERE u.kind <> 'EXPIRED') AS reports, count(*) FILTER (WHERE u.kind = 'EXPIRED') AS expiries
     FROM call c FULL JOIN usage u USING (org_id, request_id)
     WHERE starts_with(request_id, $1) GROUP BY org_id, request_id, c.state`,
    [idPrefix],
  );
  const found = new Map(rows.map((row) => [`${row.org_id} ${row.request_id}`, row]));
  const violations: Violation[] = [];
  for (const call of calls) {
    const name = `${call.tenant.orgId} ${call.requestId}`;
    const row = found.get(name);
    found.delete(name);
    const ways = booked(call);
    if (ways.some((way) => isSame(way, row))) continue;
    const wanted = ways.map(textOf).join(' or ');
    const is = row === undefined ? 'nothing' : JSON.stringify(row);
    violations.push({
      promise: 'each acknowledged call is in the ledger once, as acknowledged',
      evidence: `${name} should be ${wanted}; it is ${is}`,
    });
  }
  const strangers = [...found.values()];
  return [
    ...violations.slice(0, mostRows),
    ...violationsOf('nothing is in the ledger that nobody asked for', strangers),
  ];
}

function isSame(way: Booked, row: CallRow | undefined): boolean {
  if (row === undefined) return way.state === undefined;
  return (
    row.state === (way.state ?? null) &&
    BigInt(row.cost) === way.cost &&
    BigInt(row.input) === way.input &&
    BigInt(row.output) === way.output &&
    BigInt(row.requests) === way.requests &&
    BigInt(row.reports) === way.reports &&
    BigInt(row.expiries) <= 1n
  );
}

function textOf(way: Booked): string {
  return JSON.stringify(way, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function violationsOf(promise: string, rows: readonly object[]): Violation[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, mostRows).map((row) => `    ${JSON.stringify(row, stringOf)}`);
  return [{ promise, evidence: `${rows.length} rows\n${shown.join('\n')}` }];
}

function stringOf(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
