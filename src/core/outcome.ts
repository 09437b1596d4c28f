import type { Action, Metric, Window } from './policy.ts';
import type { Reason } from './reason.ts';
import type { Meter } from './meter.ts';
import type { Raised } from './raise.ts';
import type { Subject } from './subject.ts';

/** How one limit stood when a call was decided. */
export type LimitStatus = 'OK' | 'NEAR' | 'WARNED' | 'EXCEEDED' | 'DRY_RUN' | 'BYPASSED';

/** One limit that was considered, with its numbers in the metric's unit. */
export interface ConsideredLimit {
  readonly subject: Subject;
  readonly name: string;
  readonly revision: number;
  readonly meter: Meter;
  readonly metric: Metric;
  readonly window: Window | undefined;
  /** With what raises add to it. */
  readonly amount: bigint;
  /** Undefined: no raise is in force. */
  readonly raised: Raised | undefined;
  readonly action: Action;
  /** Before this call's ask. */
  readonly used: bigint;
  readonly held: bigint;
  readonly ask: bigint;
  /** After the ask if the call is allowed, before it if denied; never below 0. */
  readonly remaining: bigint;
  /** Undefined for LIFETIME and CONCURRENCY. */
  readonly resetsAtMs: number | undefined;
  readonly status: LimitStatus;
}

/** The decision on one call. A value: an exception means that *we* failed. */
export interface Outcome {
  readonly decision: 'ALLOW' | 'DENY';
  /** All that hold, in order of precedence; empty on ALLOW. */
  readonly reasons: readonly Reason[];
  /** Index into `limits`. */
  readonly binding: number | undefined;
  /** In path order, then slot, then name. */
  readonly limits: readonly ConsideredLimit[];
  /** Indexes of the limits that are NEAR, WARNED, DRY_RUN or BYPASSED. */
  readonly warnings: readonly number[];
  readonly retryAfterMs: number | undefined;
  readonly maxOutputTokens: bigint | undefined;
  readonly storeContent: 'NONE' | 'METADATA' | 'FULL';
  /** Nano-USD set aside; 0 on DENY. */
  readonly heldCost: bigint;
  /** Tokens set aside; 0 on DENY. */
  readonly heldInput: bigint;
  readonly heldOutput: bigint;
  /** What the estimate was priced with, as `SCOPE subject revision`, if any. */
  readonly priceRevision: string | undefined;
  readonly decidedAtMs: number;
  readonly expiresAtMs: number | undefined;
}
