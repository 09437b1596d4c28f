import type { Calendar } from '../../core/window.ts';
import type { KnownCall } from '../calls/known-call.ts';

/** What a batch reads under its locks. */
export interface BatchState {
  readonly organizations: ReadonlyMap<string, OrganizationState>;
  /** By `callKey`. */
  readonly calls: ReadonlyMap<string, KnownCall>;
  /** In the order of the sums. */
  readonly meters: readonly { readonly isFilled: boolean; readonly row: readonly string[] }[];
  readonly nowMs: number;
}

/** What of an organization is read under the lock. */
export interface OrganizationState {
  readonly epoch: number;
  readonly calendar: Calendar;
  readonly onExpiry: 'RELEASE' | 'CHARGE';
  /** No usage may be recorded before this instant: what was recorded before it is closed, and is summed up. */
  readonly recordFromMs: number;
}
