/**
 * `node bench/expiry.ts`: many holds that expire at once, while Checks go on. Prints how long it takes to end
 * them, and the rate of Checks meanwhile as a ratio to the rate just before.
 *
 *   --holds N    100000 unless given
 *   --orgs N     organizations that they are spread over, 8 unless given
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runLoad } from './processes.ts';
import type { Serving } from './processes.ts';
import { benchSecret } from './scene.ts';
import { setStage } from './stage.ts';

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

const { pool, ...stage } = await setStage(orgIds);

function check({ address }: Serving, seconds: number) {
  return runLoad({ address, token: benchSecret, kind: 'check', orgIds, inFlight: 64, seconds });
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
  const first = await stage.serve();
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
  const server = await stage.serve();
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
  await stage.close();
}
