/**
 * `node bench/expiry.ts`: many holds that expire at once, while Checks go on. Prints how long it takes to end
 * them, and the rate of Checks meanwhile as a ratio to the mean of the rates before and after. Before that some are
 * ended while nothing else is done: what a hold takes of the processor does not depend on what else the machine does.
 *
 *   --holds N    100000 unless given
 *   --alone N    holds that are ended while nothing else is done, 20000 unless given
 *   --orgs N     organizations that they are spread over, 8 unless given
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { cpuSeconds } from './cpu-time.ts';
import { runLoad } from './processes.ts';
import type { Serving } from './processes.ts';
import { benchSecret } from './scene.ts';
import { setStage } from './stage.ts';
import type { OpenScene } from './stage.ts';

const { values: options } = parseArgs({
  options: {
    holds: { type: 'string', default: '100000' },
    alone: { type: 'string', default: '20000' },
    orgs: { type: 'string', default: '8' },
  },
});
const holds = Number(options.holds);
const holdsAlone = Number(options.alone);
const orgIds = Array.from({ length: Number(options.orgs) }, (_, index) => `bench-${index}`);
/** Seconds. */
const time = { window: 4, quiet: 12, warm: 12, mostEnding: 180, mostFilling: 300 };

const stage = await setStage(orgIds);
try {
  const scene = await stage.open();
  try {
    await fill(scene.database.pool, () => scene.serve());
    // A new server: the one before remembers its calls as they were.
    const server = await scene.serve();
    try {
      if (holdsAlone > 0) await measureAlone(scene.database, server);
      if (holds > 0) await measureExpiry(scene.database.pool, server);
    } finally {
      await server.stop();
    }
  } finally {
    await scene.close();
  }
} finally {
  await stage.close();
}

async function fill(pool: Pool, serve: () => Promise<Serving>): Promise<void> {
  const server = await serve();
  try {
    const untilMs = performance.now() + time.mostFilling * 1000;
    while ((await openHolds(pool)) < holds + holdsAlone) {
      if (performance.now() > untilMs) throw new Error('the holds take too long to make');
      await check(server, time.window);
    }
  } finally {
    await server.stop();
  }
}

/** Prints what the end of a hold takes of the processor, at the service and at the database. */
async function measureAlone({ pool, pid }: OpenScene['database'], server: Serving): Promise<void> {
  const untilMs = await endNow(pool, holdsAlone);
  await pool.query('VACUUM call');
  await pool.query('CHECKPOINT');
  const cpu = () => [cpuSeconds(server.pid), cpuSeconds(pid)] as const;
  const [service, database] = cpu();
  const startedMs = performance.now();
  const endedMs = await pollUntilEnded(pool, untilMs);
  const [serviceThen, databaseThen] = cpu();
  const micros = (seconds: number): string => `${((seconds * 1e6) / holdsAlone).toFixed(0)} us`;
  console.log(
    `${holdsAlone} holds ended alone in ${((endedMs - startedMs) / 1000).toFixed(1)} s; of the processor each took ` +
      `${micros(serviceThen - service)} at the service and ${micros(databaseThen - database)} at the database`,
  );
}

/** Lets holds end now; returns the moment before which they end. */
async function endNow(pool: Pool, most: number): Promise<number> {
  const endMs = Date.now();
  await pool.query(
    `UPDATE call SET expires_at = $2 WHERE (org_id, request_id) IN
       (SELECT org_id, request_id FROM call WHERE state = 'OPEN' ORDER BY expires_at LIMIT $1)`,
    [most, endMs],
  );
  return endMs + 1;
}

async function measureExpiry(pool: Pool, server: Serving): Promise<void> {
  await check(server, time.warm);
  const before = await check(server, time.quiet);
  const untilMs = await endNow(pool, holds);
  const startedMs = performance.now();
  const [endedMs, during] = await Promise.all([
    pollUntilEnded(pool, untilMs),
    checkUntilEnded(pool, untilMs, server),
  ]);
  const seconds = (endedMs - startedMs) / 1000;
  const after = await check(server, time.quiet);
  const rate = during.reduce((sum, one) => sum + one, 0) / during.length;
  const ratio = rate / ((before + after) / 2);
  console.log(
    `${holds} holds of ${orgIds.length} organizations ended in ${seconds.toFixed(0)} s; ` +
      `Checks ${before}/s before, ${rate.toFixed(0)}/s meanwhile, ${after}/s after: ${ratio.toFixed(2)}`,
  );
}

/** Checks of all organizations; returns how many were answered a second. */
async function check({ port }: Serving, seconds: number): Promise<number> {
  const order = { port, token: benchSecret, kind: 'check', orgIds, inFlight: 64 } as const;
  const { perSecond } = await runLoad({ ...order, warmSeconds: 0.2, seconds });
  return perSecond;
}

/** The rates of one window after the other. */
async function checkUntilEnded(pool: Pool, endMs: number, server: Serving): Promise<number[]> {
  const rates: number[] = [];
  while (await areOpen(pool, endMs)) rates.push(await check(server, time.window));
  return rates;
}

/** When the last of the holds was ended. */
async function pollUntilEnded(pool: Pool, endMs: number): Promise<number> {
  const untilMs = performance.now() + time.mostEnding * 1000;
  while (await areOpen(pool, endMs)) {
    if (performance.now() > untilMs) throw new Error('the holds are not ended');
    await delay(200);
  }
  return performance.now();
}

/**
 * Whether there are holds that end before a moment. Asked so that it takes next to nothing of the processor: to count
 * them five times a second took as much as ending them.
 */
async function areOpen(pool: Pool, endMs: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM unnest($1::text[]) AS o (org_id) WHERE EXISTS (SELECT FROM call c
       WHERE c.org_id = o.org_id AND c.state = 'OPEN' AND c.expires_at < $2) LIMIT 1`,
    [orgIds, endMs],
  );
  return rowCount !== 0;
}

async function openHolds(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM call WHERE state = 'OPEN'`,
  );
  return rows[0]?.open ?? 0;
}
