/** What is called: a kind of call each. A `pair` is a Check and, when it is answered, its Report. */
export type CallKind = 'check' | 'pair' | 'replay' | 'deny' | 'explain' | 'full' | 'flood';

/** What to send where. */
export interface LoadOrder {
  /** A port on 127.0.0.1. */
  readonly port: number;
  readonly token: string;
  readonly kind: CallKind;
  readonly orgIds: readonly string[];
  readonly inFlight: number;
  /** Before anything is measured. */
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Distinct users; a thousand unless the order is to fill memory. */
  readonly users?: number;
  /** Calls sent by the runs before this one: it goes on with the users after theirs. */
  readonly offset?: number;
}

/** What was measured; a pair is one call here. */
export interface LoadResult {
  /** Calls, those before the measurement included. */
  readonly sent: number;
  /** Calls answered while it was measured. */
  readonly answered: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What the load generator tells the process that started it. */
export type LoadMessage =
  { readonly phase: 'measuring' } | { readonly phase: 'measured'; readonly result: LoadResult };
