import type { PlannedLimit } from './plan.ts';
import { raisedAt } from './raise.ts';
import type { Raise } from './raise.ts';

/** The limits of a call with their amounts of an instant, and how long they keep them. */
export interface StandingLimits {
  readonly limits: readonly PlannedLimit[];
  /** The last end of a raise of theirs; -Infinity: none of them has ended. */
  readonly fromMs: number;
  /** The next end of a raise; Infinity: none is in force. */
  readonly untilMs: number;
}

/** The limits as they stand at an instant, milliseconds since 1970. */
export type LimitsAt = (atMs: number) => StandingLimits;

/**
 * Says how limits stand at any instant, given the raises of each. Limits without raises are the same object at every
 * instant; of others those of the last answer are kept, so calls between two ends share them.
 */
export function limitsWithRaises(
  declared: readonly PlannedLimit[],
  raises: readonly (readonly Raise[])[],
): LimitsAt {
  const all = raises.flat();
  if (all.length === 0) {
    const always = { limits: declared, fromMs: -Infinity, untilMs: Infinity };
    return () => always;
  }
  let last: StandingLimits | undefined;
  return (atMs) => {
    if (last !== undefined && last.fromMs <= atMs && atMs < last.untilMs) return last;
    const ends = all.map(({ untilMs }) => untilMs);
    last = {
      limits: declared.map((limit, index) => raisedLimit(limit, raises[index] ?? [], atMs)),
      fromMs: Math.max(-Infinity, ...ends.filter((endMs) => endMs <= atMs)),
      untilMs: Math.min(Infinity, ...ends.filter((endMs) => endMs > atMs)),
    };
    return last;
  };
}

function raisedLimit(planned: PlannedLimit, raises: readonly Raise[], atMs: number): PlannedLimit {
  const { limit } = planned;
  const found = raisedAt(limit.amount, raises, atMs);
  if (found === undefined) return planned;
  const { amount, ...raised } = found;
  return { ...planned, limit: { ...limit, amount }, raised, raises };
}
