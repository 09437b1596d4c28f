import type { CallPath, TargetFacts } from './call.ts';
import type { CountsOnly } from './counts-only.ts';
import type { Meter } from './meter.ts';
import type { Metric, Window } from './policy.ts';
import type { ServedBy } from './served-by.ts';
import { targetMatches } from './target.ts';

/** Amounts that are added to what was used; negative: taken away. */
export interface UsageAmounts {
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
}

/** What an administrator changes about usage. */
export type UsageChange =
  /** Adds to what a call used, in the windows of that call. */
  | { readonly kind: 'ADJUST_CALL'; readonly callId: string; readonly amounts: UsageAmounts }
  /** Adds usage that no call had. */
  | {
      readonly kind: 'ADJUST_PATH';
      readonly path: CallPath;
      readonly target: TargetFacts;
      readonly served: ServedBy;
      /** The instant whose windows it counts in; undefined: now. */
      readonly bookAtMs: number | undefined;
      readonly amounts: UsageAmounts;
    }
  /** Lets one meter count from 0 again in its current window. */
  | {
      readonly kind: 'RESET';
      readonly meter: Meter;
      readonly window: Window;
      /** Only what these count; empty: all. */
      readonly metrics: readonly Metric[];
    };

/** What was changed. */
export interface ChangedUsage {
  readonly bookedAtMs: number;
  /** The names of the base meters, or of the one that was reset. */
  readonly meters: readonly string[];
  readonly amounts: UsageAmounts;
  readonly requests: bigint;
}

const longWindows: ReadonlySet<Window> = new Set(['DAY', 'WEEK', 'MONTH', 'LIFETIME']);

/** Whether a meter's targets let a row count on it, in some window. */
export function countsOn(targets: readonly string[], facts: TargetFacts): boolean {
  const { only } = facts;
  if (only?.kind === 'RESET') return only.targets.join(' ') === targets.join(' ');
  return targets.length === 0 || targetMatches(targets, facts);
}

/** Whether a row that counts on a meter counts in a window that begins at an instant. */
export function countsIn(only: CountsOnly | undefined, window: Window, startMs: number): boolean {
  if (only === undefined) return true;
  if (only.kind === 'ADJUSTMENT') return longWindows.has(window);
  return only.window === window && (window === 'LIFETIME' || only.startMs === startMs);
}
