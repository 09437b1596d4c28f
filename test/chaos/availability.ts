import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { both } from './fault.ts';
import type { Journal, Violation } from './journal.ts';
import { firstAnswerAfter, longestGap, recoveredAfter } from './probes.ts';
import type { Stalls } from './stalls.ts';

/** What callers saw of the faults of a round. */
export interface Availability {
  /** The longest time without a good answer, of a replica that no fault touched; undefined: all were touched. */
  readonly untouchedGapMs: number | undefined;
  /** How long after all was healed the last caller had a good answer again; undefined: not in time. */
  readonly recoveredMs: number | undefined;
  /** What the driver's own process did not run for, which the bounds allow for. */
  readonly stalledMs: number;
  readonly violations: readonly Violation[];
}

/** Others go on within this of any fault. */
const mostGapMs = 3_000;
/** Each replica gives a good answer within this of the end of all faults. */
const mostFirstAnswerMs = 2_000;
/** And every organization is answered by each within this. */
const mostRecoveryMs = 4_000;

/** Lets traffic go on until everybody is answered again, and compares what was seen with what is promised. */
export async function auditAvailability(
  round: {
    readonly journal: Journal;
    readonly faults: readonly Fault[];
    readonly beganMs: number;
    readonly liftedMs: number;
    readonly healedMs: number;
    readonly stalls: Stalls;
  },
  afterMs: number,
  timeoutMs: number,
): Promise<Availability> {
  const { journal, faults, beganMs, liftedMs, healedMs, stalls } = round;
  const endMs = healedMs + timeoutMs;
  await delay(afterMs);
  while (recoveredAfter(journal, healedMs) === undefined && performance.now() < endMs) {
    await delay(50);
  }
  const stalledMs = stalls.take();
  const violations: Violation[] = [];
  const untouched = both.filter((index) => faults.every(({ touches }) => !touches.includes(index)));
  const gap = longestGap(journal, untouched, beganMs, liftedMs);
  if (untouched.length > 0 && gap.gapMs > mostGapMs + stalledMs) {
    const evidence = `${gap.line}: no good answer for ${Math.round(gap.gapMs)} ms`;
    violations.push({ promise: 'who is not touched by a fault is answered', evidence });
  }
  const firstMs = firstAnswerAfter(journal, healedMs);
  if (firstMs === undefined || firstMs > mostFirstAnswerMs + stalledMs) {
    const after = firstMs === undefined ? 'not at all' : `after ${Math.round(firstMs)} ms`;
    const evidence = `the slower replica ${after}; ${mostFirstAnswerMs} ms are allowed`;
    violations.push({ promise: 'a replica answers soon after a fault has ended', evidence });
  }
  const recoveredMs = recoveredAfter(journal, healedMs);
  if (recoveredMs === undefined || recoveredMs > mostRecoveryMs + stalledMs) {
    const after = recoveredMs === undefined ? 'not at all' : `after ${Math.round(recoveredMs)} ms`;
    const evidence = `the last caller was answered ${after}; ${mostRecoveryMs} ms are allowed`;
    violations.push({ promise: 'all are answered when a fault has ended', evidence });
  }
  return {
    untouchedGapMs: untouched.length > 0 ? gap.gapMs : undefined,
    recoveredMs,
    stalledMs,
    violations,
  };
}
