/** What is known of a call by its end, for log and metrics. */
export interface CallFacts {
  caller?: string;
  orgId?: string;
  requestId?: string;
  /** Of Check and Extend only. */
  decision?: 'ALLOW' | 'DENY';
  reason?: string;
  replayed?: boolean;
  degraded?: boolean;
  /** Of a Report that was booked, not replayed. */
  report?: {
    readonly over_hold: 'true' | 'false';
    readonly late: 'true' | 'false';
    readonly unpriced: 'true' | 'false';
    readonly unattributed: 'true' | 'false';
    readonly usage_assumed: 'true' | 'false';
  };
  /** Of a BatchReport only. */
  batch?: { readonly reports: number; readonly refused: number };
  /** Of a Session only: the messages that were read. */
  messages?: number;
}
