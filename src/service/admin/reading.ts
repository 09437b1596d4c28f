/** Until when somebody waits for what is read. */
export interface Reading {
  /** An instant on the monotonic clock, milliseconds. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the caller has gone. */
  readonly cancelled: AbortSignal | undefined;
}
