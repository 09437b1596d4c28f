import type { CallPath, Estimate, TargetFacts } from './call.ts';
import type { PriceEpochs } from './catalog.ts';
import type { Meter } from './meter.ts';
import type { Limit, Metric } from './policy.ts';
import type { Raise, Raised } from './raise.ts';
import type { Reason } from './reason.ts';
import type { ServedBy } from './served-by.ts';
import type { Subject } from './subject.ts';
import type { Calendar } from './window.ts';

/** What a call asks of each metric before anything is granted. */
export type Asks = Readonly<Record<Metric, bigint>>;

/** What is set aside when a call is allowed. */
export interface Hold {
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
}

/** What is booked of a call that is settled at its Check: its estimate, at this cost. */
export interface SettledNow {
  /** What the estimate costs; 0 where that rounds to nothing. */
  readonly cost: bigint;
  /** No price was in force and the caller gave no cost. */
  readonly unpriced: boolean;
}

/** One effective limit of a call. */
export interface PlannedLimit {
  /** The declaring subject. */
  readonly subject: Subject;
  readonly revision: number;
  /** With the amount that is in force. */
  readonly limit: Limit & { readonly amount: bigint };
  /** Index into `CheckPlan.meters`. */
  readonly meterIndex: number;
  /** Undefined: no raise is in force. */
  readonly raised?: Raised;
  /** All that raise a limit which is raised now, for its amounts of later. */
  readonly raises?: readonly Raise[];
}

/** Everything about a call that is known before the counters are read. Made by `planCheck`, judged by `conclude`. */
export interface CheckPlan {
  /** The policy epoch it was made with. */
  readonly epoch: number;
  /** As of which changes it is priced. */
  readonly priceEpochs: PriceEpochs;
  readonly calendar: Calendar;
  /** From this instant on the plan holds: a raise of its limits ended then. -Infinity: none has ended. */
  readonly fromMs: number;
  /** Before this instant the plan holds, as far as time goes; then it must be made again. */
  readonly untilMs: number;
  /** The instant whose windows judge it, milliseconds since 1970: the hold's of an Extend. Undefined: now. */
  readonly windowsAtMs: number | undefined;
  readonly path: CallPath;
  readonly target: TargetFacts;
  readonly served: ServedBy;
  /** Every meter that the call is charged to, the organization's first, each once. */
  readonly meters: readonly Meter[];
  /** In path order, then slot, then name. Empty where the search for reasons stopped early. */
  readonly limits: readonly PlannedLimit[];
  readonly estimate: Estimate;
  readonly asks: Asks;
  /** What is set aside; where the call is settled at once, what is judged as if it were. */
  readonly hold: Hold;
  /** Defined where the call is booked at once if it is allowed, and nothing is held. */
  readonly settledNow: SettledNow | undefined;
  /** Reasons that do not depend on counters, in order of precedence. */
  readonly reasons: readonly Reason[];
  /** The flags that are in force now, added up. */
  readonly bypass: {
    readonly cost: boolean;
    readonly rate: boolean;
    readonly tokens: boolean;
    readonly models: boolean;
  };
  /** Cost of the call with another output, for the affordable output; undefined when the caller gave the cost. */
  readonly costOfOutput: ((output: bigint) => bigint) | undefined;
  /** The price revision the estimate was priced with, as `SCOPE subject revision`, if any. */
  readonly priceRevision: string | undefined;
  readonly storeContent: 'NONE' | 'METADATA' | 'FULL';
}
