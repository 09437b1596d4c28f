import type { PricedUsage } from '../ledger.ts';

/** One row of the usage ledger. */
export interface UsageRecord {
  readonly orgId: string;
  readonly requestId: string;
  /**
   * CALL: a Report; EXPIRED: a hold that ended without one; CORRECTION: a late Report after a charge; ADJUSTMENT, RESET: by
   * an administrator.
   */
  readonly kind: 'CALL' | 'EXPIRED' | 'CORRECTION' | 'ADJUSTMENT' | 'RESET';
  readonly bookedAtMs: number;
  readonly subjects: readonly string[];
  readonly user: string | undefined;
  /** What is added by this row: a correction carries the difference. */
  readonly usage: PricedUsage;
  readonly requests: bigint;
  readonly overHold: boolean;
  readonly late: boolean;
  /** The usage is not known: it is what was held. */
  readonly assumed: boolean;
}
