/**
 * `node bench/expiry.ts`: many holds that expire at once, while Checks go on. Prints how long it takes to end
 * them, and the rate of Checks meanwhile as a ratio to the rate just before.
 *
 *   --holds N    100000 unless given
 *   --orgs N     organizations that they are spread over, 8 unless given
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { createPool } from '../src/db/pool.ts';
import { runLoad, startServing } from './processes.ts';
import type { Serving } from './processes.ts';
import { benchSecret, setScene } from './scene.ts';

const { values: options } = parseArgs({
  options: {
    holds: { type: 'string', default: '100000' },
    orgs: { type: 'string', default: '8' },
  },
});
const holds = Number(options.holds);
const orgIds = Array.from({ length: Number(options.orgs) }, (_, index) => `bench-${index}`);
/** Time to start a server, warm it up and measure it, before the holds expire. */
const leadSeconds = 40;

const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
const postgres = await startEmbeddedPostgres({ folder });
await migrate(postgres.url);
const pool = createPool({
  url: postgres.url,
  applicationName: 'tollgate-bench',
  maxConnections: 4,
  statementTimeoutMs: 3_600_000,
  poolWaitMs: 10_000,
});
await setScene(pool, orgIds);

function serve(): Promise<Serving> {
  return startServing(
    '../bin/tollgate.js',
    ['serve'],
    {
      DATABASE_URL: postgres.url,
      TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
      TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
      TOLLGATE_EXAMPLE: 'false',
      TOLLGATE_LOG_LEVEL: 'warn',
      TOLLGATE_DRAIN_WAIT: '0s',
    },
    (line) => /gateways on 127\.0\.0\.1:(\d+)/.exec(line)?.[1],
  );
}

function check({ address }: Serving, seconds: number) {
  const order = { address, token: benchSecret, kind: 'check', orgIds, inFlight: 64, seconds };
  return runLoad({ ...order, kind: 'check' });
}

async function openHolds(): Promise<number> {
  const { rows } = await pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM call WHERE state = 'OPEN' AND expires_at < $1`,
    [endMs],
  );
  return rows[0]?.open ?? 0;
}

let endMs = Number.MAX_SAFE_INTEGER;
try {
  const first = await serve();
  while ((await openHolds()) < holds) await check(first, 5);
  await first.stop();
  endMs = Date.now() + leadSeconds * 1000;
  await pool.query(
    `UPDATE call SET expires_at = $2 WHERE (org_id, request_id) IN
       (SELECT org_id, request_id FROM call WHERE state = 'OPEN' LIMIT $1)`,
    [holds, endMs],
  );
  endMs += 1;
  // A new server: the old one remembers its calls as they were.
  const server = await serve();
  await check(server, 15);
  const before = await check(server, 8);
  await delay(Math.max(0, endMs - Date.now()));
  const startedMs = performance.now();
  const during: number[] = [];
  while ((await openHolds()) > 0 && performance.now() - startedMs < 180_000) {
    during.push((await check(server, 4)).perSecond);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = during.reduce((sum, one) => sum + one, 0) / during.length;
  const ratio = (rate / before.perSecond).toFixed(2);
  console.log(
    `${holds} holds of ${orgIds.length} organizations ended in ${seconds.toFixed(0)} s; ` +
      `Checks ${before.perSecond.toFixed(0)}/s before, ${rate.toFixed(0)}/s meanwhile: ${ratio}`,
  );
  await server.stop();
} finally {
  await pool.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
