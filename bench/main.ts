/**
 * `npm run bench`: drives the data plane over real gRPC and prints, beside each figure, its ratio to a bare
 * grpc-js echo of the same messages, run in the same minute.
 *
 *   --quick       a two-minute form
 *   --json FILE   writes one object: echo, check, report, replay, deny by c1, c64, c256, and ratio
 *   --ledger N    puts N rows into the usage ledger first
 *   --users N     one run over N distinct users, for the memory it takes
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { LoadOrder, LoadResult } from './load.ts';
import { prefillLedger } from './prefill.ts';
import { runLoad, startServing } from './processes.ts';
import { sampleAnswer } from './sample.ts';
import { benchSecret } from './scene.ts';
import { setStage } from './stage.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    ledger: { type: 'string', default: '0' },
    users: { type: 'string' },
  },
});

const orgIds = Array.from({ length: 8 }, (_, index) => `bench-${index}`);
const one = orgIds.slice(0, 1);
const seconds = options.quick ? 2.5 : 8;
/** Until the code that calls take is compiled, which takes some fifty thousand of them. */
const warmSeconds = options.quick ? 14 : 30;
const levels = [1, 64, 256];

type Figures = Record<string, LoadResult>;

const { pool, ...stage } = await setStage(orgIds);
if (options.ledger !== '0') await prefillLedger(pool, one[0] ?? '', Number(options.ledger));

const tollgate = await stage.serve();
const echo = await startServing(
  'echo.ts',
  [await sampleAnswer(tollgate.address, one)],
  {},
  (line) => line,
);

try {
  if (options.users !== undefined) await memoryRun(Number(options.users));
  else await figuresRun();
} finally {
  await echo.stop();
  await tollgate.stop();
  await stage.close();
}

async function figuresRun(): Promise<void> {
  // Both servers as they are after their first minute: code compiled, policies of all users at hand.
  await load(echo.address, 'check', one, 64);
  await load(tollgate.address, 'check', one, 64, warmSeconds);
  const echoes: Figures = {};
  const kinds: Record<string, Figures> = { check: {}, report: {}, replay: {}, deny: {} };
  for (const inFlight of levels) {
    const level = `c${inFlight}`;
    for (const [name, figures] of Object.entries(kinds)) {
      const kind = name === 'report' ? 'pair' : (name as LoadOrder['kind']);
      const target = kind === 'deny' ? ['deny'] : one;
      // The calibration runs right before each figure; the first stands in the table.
      const calibration = await load(echo.address, 'check', one, inFlight);
      echoes[level] ??= calibration;
      figures[level] = await load(tollgate.address, kind, target, inFlight);
      print(name, level, figures[level], calibration);
    }
    if (options.quick) continue;
    const calibration = await load(echo.address, 'check', one, inFlight);
    print(
      'check, 8 orgs',
      level,
      await load(tollgate.address, 'check', orgIds, inFlight),
      calibration,
    );
    print('explain', level, await load(tollgate.address, 'explain', one, inFlight), calibration);
    print(
      'full model',
      level,
      await load(tollgate.address, 'full', ['full'], inFlight),
      calibration,
    );
    const before = await transactions();
    const flood = await load(tollgate.address, 'flood', one, inFlight);
    print('flood', level, flood, calibration);
    const each = ((await transactions()) - before) / flood.sent;
    console.log(`  transactions per call with an unknown secret: ${each.toFixed(3)}`);
  }
  const ratio = Object.fromEntries(
    Object.entries(kinds).map(([name, figures]) => [name, ratios(figures, echoes)]),
  );
  console.log(`node ${process.version}, ${cpus().length} cores`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ echo: echoes, ...kinds, ratio }, null, 2)}\n`);
  }
}

/** Transactions that the database has ended; its own count lags by a second at most. */
async function transactions(): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(
    'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(rows[0]?.count);
}

function load(
  address: string,
  kind: LoadOrder['kind'],
  target: readonly string[],
  inFlight: number,
  forSeconds = seconds,
): Promise<LoadResult> {
  const order = { address, token: benchSecret, kind, orgIds: target, inFlight };
  return runLoad({ ...order, seconds: forSeconds });
}

function ratios(figures: Figures, echoes: Figures): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).map(([level, figure]) => [
      level,
      rounded(figure.perSecond / (echoes[level]?.perSecond ?? Infinity)),
    ]),
  );
}

function rounded(ratio: number): number {
  return Math.round(ratio * 1000) / 1000;
}

function print(name: string, level: string, figure: LoadResult, calibration: LoadResult): void {
  const { perSecond, p50Ms, p99Ms } = figure;
  const share = rounded(perSecond / calibration.perSecond);
  const beyond = rounded(p50Ms - calibration.p50Ms);
  console.log(
    `${name.padEnd(14)} ${level.padEnd(5)} ${String(perSecond).padStart(6)}/s  p50 ${p50Ms} ms  p99 ${p99Ms} ms` +
      `  echo ${calibration.perSecond}/s  ratio ${share}  p50 beyond echo ${beyond} ms`,
  );
}

/** Memory after calls of many distinct users: what is kept of them is bounded. */
async function memoryRun(users: number): Promise<void> {
  const order = {
    address: tollgate.address,
    token: benchSecret,
    kind: 'check',
    orgIds: one,
  } as const;
  let done = 0;
  while (done < users) {
    const { sent } = await runLoad({ ...order, inFlight: 256, seconds: 20, users, offset: done });
    done += sent;
    console.log(`${done} distinct users, rss ${rssMiB(tollgate.process.pid)} MiB`);
  }
}

function rssMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
