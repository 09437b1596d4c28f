/**
 * `npm run bench`: drives the data plane over real gRPC. Each figure is taken on a fresh database and a fresh server,
 * and stands beside that of a bare grpc-js echo of the same messages, measured right before it by the same load
 * generator.
 *
 *   --quick         a form of less than three minutes: echo, check, report, replay, deny
 *   --only NAMES    some figures only, such as check,report
 *   --levels LIST   calls in flight, 1,64,256 unless given
 *   --json FILE     writes one object: echo and each figure by c1, c64, c256, ratio, and the machine
 *   --ledger N      puts N rows into the usage ledger first
 *   --users N       one run over N distinct users, for the memory it takes
 *   --profile DIR   writes a CPU profile of each server, warm-up included
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { CallKind } from './load/order.ts';
import { measure, ratioOf } from './measure.ts';
import type { Figure, Measured } from './measure.ts';
import { prefillLedger } from './prefill.ts';
import { figureLine, headLines } from './print-figures.ts';
import { runLoad, startServing } from './processes.ts';
import { sampleAnswer } from './sample.ts';
import { benchSecret } from './scene.ts';
import { setStage } from './stage.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    levels: { type: 'string', default: '1,64,256' },
    json: { type: 'string' },
    ledger: { type: 'string', default: '0' },
    users: { type: 'string' },
    profile: { type: 'string' },
  },
});

const orgIds = Array.from({ length: 8 }, (_, index) => `bench-${index}`);
const one = orgIds.slice(0, 1);

/** What is measured, in this order. */
interface Scene {
  readonly name: string;
  readonly kind: CallKind;
  readonly orgIds: readonly string[];
}

const quickScenes: Scene[] = [
  { name: 'check', kind: 'check', orgIds: one },
  { name: 'report', kind: 'pair', orgIds: one },
  { name: 'replay', kind: 'replay', orgIds: one },
  { name: 'deny', kind: 'deny', orgIds: ['deny'] },
];
const moreScenes: Scene[] = [
  { name: 'check, 8 orgs', kind: 'check', orgIds },
  { name: 'full model', kind: 'full', orgIds: ['full'] },
  { name: 'explain', kind: 'explain', orgIds: one },
  { name: 'flood', kind: 'flood', orgIds: one },
];
const only = options.only?.split(',');
const scenes = [...quickScenes, ...(options.quick ? [] : moreScenes)].filter(
  ({ name }) => only?.includes(name) ?? true,
);
const levels = options.levels.split(',').map(Number);

/**
 * Seconds. A server is warm when its code is compiled, which takes some fifty thousand calls; the echo, which is one
 * process from first to last, after its first second.
 */
const seconds = options.quick
  ? { warm: 4, settle: 0.5, measured: 2.5, echo: 1.5 }
  : { warm: 15, settle: 1, measured: 8, echo: 5 };

type Figures = Record<string, Figure>;

const stage = await setStage(orgIds, {
  async prepare(pool) {
    if (options.ledger !== '0') await prefillLedger(pool, one[0] ?? '', Number(options.ledger));
  },
  nodeArgs:
    options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`],
});
try {
  if (options.users === undefined) await measureScenes();
  else await measureMemory(Number(options.users));
} finally {
  await stage.close();
}

async function measureScenes(): Promise<void> {
  const echo = await startEcho();
  const echoes: Figures = {};
  const figures: Record<string, Figures> = {};
  const ratio: Record<string, Record<string, number | null>> = {};
  const loadBefore = loadavg();
  try {
    await measureLoad({ server: echo }, 'check', one, 64, { warm: 1, measured: 1 });
    for (const line of headLines) console.log(line);
    for (const scene of scenes) {
      for (const inFlight of levels) {
        const level = `c${inFlight}`;
        const { calibration, figure } = await measureScene({ server: echo }, scene, inFlight);
        echoes[level] ??= calibration;
        (figures[scene.name] ??= {})[level] = figure;
        (ratio[scene.name] ??= {})[level] = ratioOf(figure, calibration) ?? null;
        console.log(figureLine('echo', level, calibration));
        console.log(figureLine(scene.name, level, figure, calibration));
      }
    }
  } finally {
    await echo.stop();
  }
  const machine = {
    node: process.version,
    cores: availableParallelism(),
    loadBefore,
    loadAfter: loadavg(),
  };
  console.log(machineLine(machine));
  if (options.json !== undefined) {
    const all = { machine, echo: echoes, ...figures, ratio };
    writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
  }
}

function machineLine(machine: { loadBefore: number[]; loadAfter: number[]; cores: number }) {
  const of = (averages: number[]): string => averages.map((one) => one.toFixed(1)).join(' ');
  const load = `load average ${of(machine.loadBefore)} before, ${of(machine.loadAfter)} after`;
  return `node ${process.version}, ${machine.cores} cores, ${load}`;
}

/** The echo and, right after it, one kind of calls on a database of its own. */
async function measureScene(echo: Measured, scene: Scene, inFlight: number) {
  const open = await stage.open();
  try {
    const server = await open.serve();
    try {
      const tollgate = { server, database: open.database };
      // As it is after its first minute: code compiled, policies of all users at hand.
      await measureLoad(tollgate, scene.kind, scene.orgIds, 64, {
        warm: 0,
        measured: seconds.warm,
      });
      const { settle: warm, measured } = seconds;
      const calibration = await measureLoad(echo, 'check', one, inFlight, {
        warm,
        measured: seconds.echo,
      });
      const figure = await measureLoad(tollgate, scene.kind, scene.orgIds, inFlight, {
        warm,
        measured,
      });
      return { calibration, figure };
    } finally {
      await server.stop();
    }
  } finally {
    await open.close();
  }
}

function measureLoad(
  measured: Measured,
  kind: CallKind,
  target: readonly string[],
  inFlight: number,
  time: { readonly warm: number; readonly measured: number },
): Promise<Figure> {
  return measure(measured, {
    token: benchSecret,
    kind,
    orgIds: target,
    inFlight,
    warmSeconds: time.warm,
    seconds: time.measured,
  });
}

/** A server that answers what Tollgate answers, and does nothing else. */
async function startEcho() {
  const open = await stage.open();
  try {
    const tollgate = await open.serve();
    const sample = await sampleAnswer(tollgate.port, one);
    await tollgate.stop();
    return await startServing({ file: 'echo.ts', args: [sample] }, (line) => line);
  } finally {
    await open.close();
  }
}

/** Memory after calls of many distinct users: what is kept of them is bounded. */
async function measureMemory(users: number): Promise<void> {
  const open = await stage.open();
  const server = await open.serve();
  try {
    const order = { port: server.port, token: benchSecret, kind: 'check', orgIds: one } as const;
    const time = { warmSeconds: 0, seconds: 20 };
    let done = 0;
    while (done < users) {
      const { sent } = await runLoad({ ...order, ...time, inFlight: 256, users, offset: done });
      done += sent;
      console.log(`${done} distinct users, rss ${rssMiB(server.pid)} MiB`);
    }
  } finally {
    await server.stop();
    await open.close();
  }
}

function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
