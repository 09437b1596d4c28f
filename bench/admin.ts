/**
 * `node bench/admin.ts`: reads of the admin plane in an organization with very many users, teams, usage rows and kept calls;
 * and Checks at 64 in flight with and without such reads beside them.
 *
 *   --users N, --teams N, --usage N, --calls N   1000000, 10000, 10000000 and 10000000 unless given
 *   --quick        a tenth of the users, usage and calls
 *   --seconds N    how long each read is measured, 2 unless given
 *   --rate N       reads a second beside the Checks, 10 unless given
 *   --only NAME    one read alone
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { createPgAccessStore } from '../src/auth/pg-access-store.ts';
import { secretSha256 } from '../src/platform/secret.ts';
import { ask, measureRead, readInTurn } from './admin/callers.ts';
import type { AdminPlane, ReadFigure } from './admin/callers.ts';
import { fillCalls, fillDirectory, fillEvents } from './admin/fill.ts';
import type { Sizes } from './admin/fill.ts';
import { freePort } from './admin/free-port.ts';
import { farUsers, mostUsedReads } from './admin/reads.ts';
import type { Read } from './admin/reads.ts';
import { runLoad, startServing } from './processes.ts';
import type { Serving } from './processes.ts';
import { sampleAnswer } from './sample.ts';
import { benchSecret } from './scene.ts';
import { setStage } from './stage.ts';
import type { OpenScene } from './stage.ts';

const { values: options } = parseArgs({
  options: {
    users: { type: 'string', default: '1000000' },
    teams: { type: 'string', default: '10000' },
    usage: { type: 'string', default: '10000000' },
    calls: { type: 'string', default: '10000000' },
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    rate: { type: 'string', default: '10' },
    only: { type: 'string' },
  },
});
const orgId = 'bench-0';
const share = options.quick ? 0.1 : 1;
const sizes: Sizes = {
  users: Number(options.users) * share,
  teams: Number(options.teams),
  usage: Number(options.usage) * share,
  calls: Number(options.calls) * share,
};
const seconds = Number(options.seconds);
const viewerSecret = 'tg_viewer_bench';
/** Calls are kept as long as the bench says they are. */
const settings = { TOLLGATE_REQUEST_ID_HOURS: '100000' };

const stage = await setStage([orgId, 'bench-1', 'bench-2']);
try {
  const scene = await stage.open();
  try {
    await fill(scene);
    await measureAll(scene);
  } finally {
    await scene.close();
  }
} finally {
  await stage.close();
}

async function fill(scene: OpenScene): Promise<void> {
  const { pool } = scene.database;
  await createPgAccessStore(pool).create(
    [
      {
        name: 'viewer',
        role: 'org_viewer',
        orgIds: [orgId],
        sha256: secretSha256(viewerSecret),
      },
    ],
    'bench',
  );
  const server = await scene.serve();
  try {
    await load(server, 'pair', orgId, 1);
    await load(server, 'deny', 'deny', 1);
  } finally {
    await server.stop();
  }
  await fillDirectory(pool, orgId, sizes);
  await fillCalls(pool, orgId, sizes);
  await fillEvents(pool, 'deny', orgId, Math.ceil(sizes.calls / 10));
  await pool.query('VACUUM ANALYZE');
  await pool.query('CHECKPOINT');
}

async function load(
  { port }: Serving,
  kind: 'check' | 'pair' | 'deny',
  org: string,
  loadSeconds: number,
): Promise<number> {
  const order = { port, token: benchSecret, kind, orgIds: [org], inFlight: 64 };
  const { perSecond } = await runLoad({ ...order, warmSeconds: 0.5, seconds: loadSeconds });
  return perSecond;
}

async function measureAll(scene: OpenScene): Promise<void> {
  const { pool } = scene.database;
  const port = await freePort();
  const server = await scene.serve({ ...settings, TOLLGATE_ADMIN_LISTEN: `127.0.0.1:${port}` });
  try {
    const plane = { port, secret: viewerSecret };
    const reads = await readable(plane, await readsOf(plane, pool));
    console.log(
      `load average ${loadavg()
        .map((one) => one.toFixed(1))
        .join(' ')}`,
    );
    await measureReads(plane, reads);
    if (options.only === undefined) await measureChecks(server, plane, reads);
    console.log(
      `load average ${loadavg()
        .map((one) => one.toFixed(1))
        .join(' ')}`,
    );
  } finally {
    await server.stop();
  }
}

async function readsOf(plane: AdminPlane, pool: Pool): Promise<readonly Read[]> {
  const { rows } = await pool.query<{ request_id: string }>(
    `SELECT request_id FROM call WHERE org_id = $1 AND booked_at >= 0 ORDER BY booked_at LIMIT 1000 OFFSET 1000`,
    [orgId],
  );
  const callIds = rows.map((row) => row.request_id);
  const farTokens = new Map<string, string>();
  const far = await tokenAfterPages(plane, 50);
  if (far !== undefined) farTokens.set(farUsers, far);
  const reads = mostUsedReads({ orgId, users: sizes.users, callIds, farTokens });
  return reads.filter(({ name }) => options.only === undefined || name === options.only);
}

/** Goes through pages of a thousand users; by the order of the list, no page knows how many are before it. */
async function tokenAfterPages(plane: AdminPlane, pages: number): Promise<string | undefined> {
  let pageToken = '';
  for (let page = 0; page < pages; page += 1) {
    const body = { orgId, pageSize: page === pages - 1 ? 100 : 1000, pageToken };
    const answer = await ask(plane, 'DirectoryService/ListUsers', body);
    const { nextPageToken } = JSON.parse(answer ?? '{}') as { readonly nextPageToken?: string };
    if (nextPageToken === undefined) return undefined;
    pageToken = nextPageToken;
  }
  return pageToken;
}

/** Those that the server has; each is called, so that its code is compiled. */
async function readable(plane: AdminPlane, reads: readonly Read[]): Promise<readonly Read[]> {
  const found: Read[] = [];
  for (const read of reads) {
    const answer = await ask(plane, read.rpc, read.body(0)).catch((cause: unknown) => {
      console.log(`${read.name}: ${String(cause)}`);
      return undefined;
    });
    if (answer === undefined) console.log(`${read.name}: ${read.rpc} is not served`);
    else found.push(read);
  }
  return found;
}

async function measureReads(plane: AdminPlane, reads: readonly Read[]): Promise<void> {
  console.log(row(['', 'p50 of 1', 'p99', 'p50 of 4', 'p99']));
  for (const read of reads) {
    const alone = await measureRead(plane, read, 1, seconds);
    const four = await measureRead(plane, read, 4, seconds);
    console.log(row([read.name, ...figures(alone), ...figures(four)]));
  }
}

function figures({ p50Ms, p99Ms }: ReadFigure): readonly string[] {
  return [p50Ms.toFixed(1), p99Ms.toFixed(1)];
}

function row([name = '', ...cells]: readonly string[]): string {
  return name.padEnd(24) + cells.map((cell) => cell.padStart(10)).join('');
}

/** Checks without reads, with them, and without again; an echo in the same minute. */
async function measureChecks(server: Serving, plane: AdminPlane, reads: readonly Read[]) {
  await load(server, 'check', orgId, 4 * seconds);
  const sample = await sampleAnswer(server.port, [orgId]);
  const echo = await startServing({ file: 'echo.ts', args: [sample] }, (line) => line);
  const perSecond = await load(echo, 'check', orgId, 2 * seconds);
  await echo.stop();
  const rates: { readonly without: number; readonly beside: number }[] = [];
  const all = new Map<string, ReadFigure>();
  for (let round = 0; round < 3; round += 1) {
    const before = await load(server, 'check', orgId, 4 * seconds);
    const reading = readInTurn(plane, reads, Number(options.rate));
    const beside = await load(server, 'check', orgId, 4 * seconds);
    for (const [name, figure] of await reading.stop()) all.set(name, figure);
    const after = await load(server, 'check', orgId, 4 * seconds);
    rates.push({ without: (before + after) / 2, beside });
  }
  console.log(`echo ${perSecond}/s`);
  for (const { without, beside } of rates) {
    const ratio = (beside / without).toFixed(3);
    console.log(
      `Checks ${without.toFixed(0)}/s, ${beside}/s beside ${options.rate} reads/s: ${ratio}`,
    );
  }
  console.log(row(['beside Checks', 'p50', 'p99']));
  for (const [name, figure] of all) console.log(row([name, ...figures(figure)]));
}
