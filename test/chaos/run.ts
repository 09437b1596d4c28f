import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import type { Fault } from './fault.ts';
import { lineOfRound, linesOfViolations } from './report.ts';
import { playRound } from './round.ts';
import type { RoundReport, Times } from './round.ts';
import { buildStage } from './stage.ts';

/** What a run plays. */
export interface RunPlan {
  readonly seed: number;
  readonly times: Times;
  /** The faults of a round by its number, from 1; undefined ends the run. */
  readonly faultsOf: (round: number, random: Random) => readonly Fault[] | undefined;
  /** 1, unless rounds are left out. */
  readonly firstRound?: number;
  /** Size of the store's own disk; undefined: it gets none. */
  readonly diskMiB?: number;
  readonly print: (line: string) => void;
  /** Ends the run in the middle of a round: it fails with the signal's reason, after the stage is closed. */
  readonly signal?: AbortSignal;
}

/** Builds a stage, plays rounds on it until the plan ends, and prints a line for each; all reports. */
export async function runChaos(plan: RunPlan): Promise<RoundReport[]> {
  const { seed, print } = plan;
  const stopped = whenAborted(plan.signal);
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-chaos-'));
  print(`chaos, seed ${seed}, logs in ${folder}`);
  const stage = await buildStage(folder, plan.diskMiB);
  const reports: RoundReport[] = [];
  try {
    for (let index = plan.firstRound ?? 1; ; index += 1) {
      // A round draws the same whatever the rounds before it did.
      const random = seededRandom(Math.imul(seed, 1_000_003) + index);
      const faults = plan.faultsOf(index, random);
      if (faults === undefined) break;
      const round = playRound(stage, random, index, faults, plan.times);
      const report = await Promise.race([round, stopped]).catch((cause: unknown) => {
        plan.signal?.throwIfAborted();
        const names = faults.map(({ name }) => name).join(' + ');
        throw new Error(`seed ${seed}, round ${index} [${names}] could not be played`, { cause });
      });
      reports.push(report);
      print(lineOfRound(report));
      for (const line of linesOfViolations(seed, report)) print(line);
    }
  } finally {
    await stage.close();
  }
  const isClean = reports.every(({ violations }) => violations.length === 0);
  if (isClean) rmSync(folder, { recursive: true, force: true });
  return reports;
}

/** Never fulfilled; rejected when the signal says so. */
function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // A signal before the first round is thrown there.
  aborted.catch(() => undefined);
  return aborted;
}
