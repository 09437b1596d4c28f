/**
 * Reads, after the batch's rows are locked, what may no longer change under it: the epoch and calendar of
 * each organization, the calls already known by their request ids, and the database's clock.
 *
 * It runs after `apply-deltas` in the same flight, as statements of their own: in READ COMMITTED a
 * statement sees what was committed before it began, so everything the previous holder of the rows wrote.
 */
export const readEpochs = {
  name: 'read-epochs',
  /** $1 text[]: organizations. */
  text: `SELECT org_id, epoch::text, time_zone, week_start, month_anchor_day, on_expiry,
  (extract(epoch FROM clock_timestamp()) * 1000)::bigint::text AS now_ms
FROM org WHERE org_id = ANY($1::text[])`,
} as const;

/** One row of `readEpochs`. */
export interface EpochRow {
  readonly org_id: string;
  readonly epoch: string;
  readonly time_zone: string;
  readonly week_start: string | number;
  readonly month_anchor_day: number;
  readonly on_expiry: 'RELEASE' | 'CHARGE';
  readonly now_ms: string;
}

export const readCalls = {
  name: 'read-calls',
  /** $1 text[]: organizations; $2 text[]: request ids, pairwise. */
  text: `SELECT c.org_id, c.request_id, c.state, c.version, c.content, c.answer, c.detail, c.facts,
  c.held_cost::text, c.held_input::text, c.held_output::text, c.booked_at::text, c.expires_at::text,
  c.extends, c.closing
FROM unnest($1::text[], $2::text[]) AS u(org_id, request_id)
JOIN call c ON c.org_id = u.org_id AND c.request_id = u.request_id`,
} as const;

/** One row of `readCalls`. */
export interface CallRow {
  readonly org_id: string;
  readonly request_id: string;
  readonly state: 'OPEN' | 'DENIED' | 'SETTLED' | 'RELEASED' | 'EXPIRED' | 'CHARGED';
  readonly version: number;
  readonly content: string;
  readonly answer: string;
  readonly detail: string;
  readonly facts: string;
  readonly held_cost: string;
  readonly held_input: string;
  readonly held_output: string;
  readonly booked_at: string;
  readonly expires_at: string;
  readonly extends: string;
  readonly closing: string | null;
}
