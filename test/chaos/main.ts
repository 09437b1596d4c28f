import { parseArgs } from 'node:util';
import { drawFaults, faultKinds } from './faults.ts';
import { summary } from './report.ts';
import { runChaos } from './run.ts';

const usage = `node test/chaos/main.ts [--minutes N] [--seed S] [--round R] [--faults NAME,…]

  --minutes   how long to play (5)
  --seed      what chance draws from; printed, and drawn by the clock when absent
  --round     plays that round of the seed alone
  --faults    draws from these alone: ${Object.keys(faultKinds).join(', ')}
`;

/** Plays rounds of chance; 0 when every promise held, 1 when one was broken or a signal came, 2 when the arguments are wrong. */
async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  const { minutes, seed, round, faults } = options;
  const endMs = performance.now() + minutes * 60_000;
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const interruption = new AbortController();
  // The replicas and the store get the signal of a terminal too; a killed run would leave those that it has paused.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interruption.abort(`ended by ${name}`));
  }
  const reports = await runChaos({
    signal: interruption.signal,
    seed,
    times: { calmMs: 700, faultMs: [1_500, 6_000], afterMs: 1_000, longestTtlMs: 4_000 },
    diskMiB: 400,
    firstRound: round ?? 1,
    faultsOf(index, random) {
      const isEnough = round === undefined ? performance.now() > endMs : index > round;
      return isEnough ? undefined : drawFaults(random, faults);
    },
    print,
  }).catch((cause: unknown) => {
    if (!interruption.signal.aborted) throw cause;
    print(String(interruption.signal.reason));
    return undefined;
  });
  if (reports === undefined) return 1;
  for (const line of summary(seed, reports)) print(line);
  return reports.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly round: number | undefined;
  readonly faults: readonly string[];
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '5' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        round: { type: 'string' },
        faults: { type: 'string', default: Object.keys(faultKinds).join(',') },
      },
    });
    const faults = values.faults.split(',');
    const unknown = faults.filter((name) => !(name in faultKinds));
    if (unknown.length > 0) throw new Error(`--faults: unknown ${unknown.join(', ')}`);
    return {
      minutes: positive('--minutes', values.minutes),
      seed: positive('--seed', values.seed),
      round: values.round === undefined ? undefined : positive('--round', values.round),
      faults,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return undefined;
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`${name}: expected a number above 0, not ${text}`);
}

process.exitCode = await main();
