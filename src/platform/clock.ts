/** The one source of "now": in production the database's clock, in tests a hand-moved one. */
export interface Clock {
  /** Milliseconds since 1970, whole. */
  nowMs(): number;
}
