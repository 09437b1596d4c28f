import type { TargetFacts } from '../../core/call.ts';
import type { Meter } from '../../core/meter.ts';
import type { ServedBy } from '../../core/served-by.ts';
import type { UsageAmounts } from '../../core/usage-change.ts';
import type { Calendar } from '../../core/window.ts';
import type { UsageRecord } from '../record/usage-record.ts';

/** When a change of usage happens. */
export interface ChangeTime {
  readonly nowMs: number;
  readonly calendar: Calendar;
}

/** A meter's row before the change, in the columns of `apply-deltas`; undefined: it has none. */
export interface FoundMeter {
  readonly meter: Meter;
  readonly row: readonly bigint[] | undefined;
}

/** What is booked, and on which meters. */
export interface BookedChange {
  readonly requestId: string;
  readonly kind: UsageRecord['kind'];
  readonly bookedAtMs: number;
  /** The base meters. */
  readonly subjects: readonly string[];
  readonly user: string | undefined;
  readonly target: TargetFacts;
  readonly served?: ServedBy;
  readonly amounts: UsageAmounts;
  readonly requests: bigint;
  /** What is added to the rows of meters. */
  readonly added: readonly { readonly meter: Meter; readonly values: readonly bigint[] }[];
}
