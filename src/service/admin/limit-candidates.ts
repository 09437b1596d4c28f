import type { Meter } from '../../core/meter.ts';
import type { SubjectKind } from '../../core/subject.ts';
import type { QueryLimits } from './usage-queries.ts';

/** Where limits are looked for, so that no list reads the meters of all users. */
export interface LimitCandidates {
  /**
   * Meters on which a limit has reached a threshold in a current window, those with the highest threshold first, and
   * those that the newest events name; with `isAny` also those of subjects with a policy of their own. At most 256 of each.
   */
  find(search: CandidateSearch, limits: QueryLimits): Promise<readonly Meter[]>;
}

/** Which meters are looked for. */
export interface CandidateSearch {
  readonly orgId: string;
  /** The start of each window of now, in the order of `windows`. */
  readonly startsMs: readonly number[];
  /** Of these kinds of subject; empty: any. */
  readonly kinds: readonly SubjectKind[];
  readonly isAny: boolean;
}
