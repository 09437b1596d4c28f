/**
 * `node bench/usage-sums.ts`: what reads the record of an organization with a large month, and how much its sums take.
 *
 *   --rows N      usage rows of the thirty days before today (3,000,000)
 *   --today N     usage rows of today, spread over the time until now (500,000)
 *   --explain     the plans of a fill and of verify
 */
import { parseArgs } from 'node:util';
import type { ClientBase } from 'pg';
import { parseMeterName } from '../src/core/meter.ts';
import { windowStarts } from '../src/ledger/meters/call-delta.ts';
import { ledgerSums } from '../src/ledger/record/ledger-sums.ts';
import { verifyOrganization } from '../src/ledger/record/verify.ts';
import { prefillLedger } from './prefill.ts';
import { benchUser, benchUsers } from './scene.ts';
import { setStage } from './stage.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '3000000' },
    today: { type: 'string', default: '500000' },
    explain: { type: 'boolean', default: false },
  },
});

const orgId = 'bench-0';
const rounds = 9;
const calendar = { timeZone: 'Asia/Kathmandu', weekStart: 1, monthAnchorDay: 1 };
const stage = await setStage([orgId], {
  async prepare(pool) {
    await prefillLedger(pool, orgId, Number(options.rows), Number(options.today));
    const client = await pool.connect();
    try {
      await measureOn(client);
    } finally {
      client.release();
    }
  },
});
await stage.close();

async function measureOn(client: ClientBase): Promise<void> {
  for (const meter of ['org@gpt-4o', 'org@gpt-*', `user:${benchUser('000000007')}@gpt-4o`]) {
    await timeFill(client, meter);
  }
  await timeVerify(client);
  if (options.explain) {
    const explaining = explainingOf(client);
    await sums(explaining, 'org@gpt-4o');
    await verifyOrganization(explaining, orgId, false);
  }
  await printSizes(client);
}

/** What a batch waits for, with its organization locked, when a new meter comes. */
async function timeFill(client: ClientBase, name: string): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedMs = performance.now();
    await sums(client, name);
    times.push(performance.now() - startedMs);
  }
  const [first = 0] = times;
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(rounds / 2)] ?? 0;
  console.log(
    `fill ${name}: ${median.toFixed(1)} ms, the first on its connection ${first.toFixed(1)} ms, at most ${(sorted.at(-1) ?? 0).toFixed(1)} ms`,
  );
}

function sums(client: ClientBase, name: string): Promise<bigint[][]> {
  const meter = parseMeterName(name);
  if (meter === undefined) throw new Error(`${name} names no meter`);
  return ledgerSums(client, orgId, [meter], windowStarts(calendar, Date.now()));
}

/** Meters of all users and of two kinds of targets, created by a repair. */
async function timeVerify(client: ClientBase): Promise<void> {
  await client.query(
    `INSERT INTO meter (org_id, meter_id)
     SELECT $1, kind || $3 || lpad(i::text, 9, '0') || target FROM generate_series(0, $2::int - 1) AS i,
       unnest('{user:,team:red/user:}'::text[]) AS kind, unnest('{"",@gpt-4o}'::text[]) AS target
     ON CONFLICT DO NOTHING`,
    [orgId, benchUsers, benchUser('')],
  );
  const starts = windowStarts(calendar, Date.now()).slice(0, -1);
  await client.query(
    `UPDATE meter SET ten_seconds_start = $2, minute_start = $3, hour_start = $4, day_start = $5, week_start = $6,
       month_start = $7 WHERE org_id = $1`,
    [orgId, ...starts],
  );
  await verifyOrganization(client, orgId, true);
  const startedMs = performance.now();
  const differences = await verifyOrganization(client, orgId, false);
  const seconds = (performance.now() - startedMs) / 1_000;
  const { rows } = await client.query('SELECT FROM meter WHERE org_id = $1', [orgId]);
  console.log(
    `verify: ${seconds.toFixed(1)} s, ${rows.length} meters, ${differences.length} differences`,
  );
}

/** A client that prints the plan of each sum before it runs it. */
function explainingOf(client: ClientBase): ClientBase {
  const query = async (asked: {
    readonly text: string;
    readonly values: unknown[];
  }): Promise<unknown> => {
    if (asked.text.startsWith('WITH mark')) {
      const text = `EXPLAIN (ANALYZE, BUFFERS) ${asked.text}`;
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(text, asked.values);
      console.log(rows.map((row) => row['QUERY PLAN']).join('\n'));
    }
    return client.query(asked);
  };
  return Object.create(client, { query: { value: query } }) as ClientBase;
}

async function printSizes(client: ClientBase): Promise<void> {
  for (const table of ['usage', 'usage_quarter', 'usage_daily']) {
    const { rows } = await client.query<{ bytes: string; rows: string }>(
      `SELECT pg_total_relation_size('${table}') +
           coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('${table}') WHERE level > 0), 0) AS bytes,
         (SELECT count(*) FROM ${table}) AS rows`,
    );
    for (const { bytes, rows: count } of rows) {
      console.log(
        `${table}: ${count} rows, ${(Number(bytes) / 1e6).toFixed(0)} MB, ${(Number(bytes) / Number(count)).toFixed(0)} bytes each`,
      );
    }
  }
}
