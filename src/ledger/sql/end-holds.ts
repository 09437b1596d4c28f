import { batchStatement } from './batch-statement.ts';

/**
 * Ends holds whose time is over: closes the calls, and appends to the record and to the events what their rows
 * say. So little of a call has to be sent back to the database. Measured: 50 µs of the process's time for a hold
 * instead of 67, and as much of the database's.
 *
 * Parameters of all three, one element for each hold: $1 text[] org_id, $2 text[] request_id; the others are
 * named below. The calls are locked, since their organization is. Ids are parameters: a distributed PostgreSQL sends
 * no INSERT to one shard that calls a volatile function.
 */
const isCall = 'c.org_id = u.org_id AND c.request_id = u.request_id';

export const closeHolds = batchStatement(
  'close-holds',
  /** $3 text[] state. */
  ({ and }) => `UPDATE call AS c SET state = u.state, version = c.version + 1
FROM unnest($1::text[], $2::text[], $3::text[]) AS u(org_id, request_id, state)
WHERE ${isCall}${and('c', 'request_id', '$2::text[]')}`,
);

/** The request counts; what was held is used if the hold is charged. */
export const recordEndedHolds = batchStatement(
  'record-ended-holds',
  /** $3 boolean[] charged, $4 text[] user_id, $5 text[] target, $6 bigint[] recorded_at (ms), $7 uuid[] id,
   *  $8 text[] provider, $9 text[] service_tier, $10 text[] units that are charged, as JSON. */
  ({
    and,
  }) => `INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id,
  target, facts, cost, input, output, cached_input, cache_write, requests, price_revision, over_hold,
  late, unpriced, reasoning_output, cache_write_1h, provider, service_tier, units)
SELECT c.org_id, to_timestamp(u.recorded_at / 1000.0), u.id, c.request_id, 'EXPIRED', c.booked_at,
  c.subjects, u.user_id, u.target, c.facts, CASE WHEN u.charged THEN c.held_cost ELSE 0 END,
  CASE WHEN u.charged THEN c.held_input ELSE 0 END, CASE WHEN u.charged THEN c.held_output ELSE 0 END,
  0, 0, c.requests, NULL, false, false, false, 0, 0, u.provider, u.service_tier, u.units::jsonb
FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::bigint[], $7::uuid[],
  $8::text[], $9::text[], $10::text[])
  AS u(org_id, request_id, charged, user_id, target, recorded_at, id, provider, service_tier, units) JOIN call c ON ${isCall}${and('c', 'request_id', '$2::text[]')}`,
);

export const tellEndedHolds = batchStatement(
  'ended-hold-events',
  /** $3 text[] user_id, $4 bigint[] at (ms), $5 text[] id, $6 text[] target. */
  ({
    and,
  }) => `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id,
  subjects, user_id, target)
SELECT c.org_id, to_timestamp(u.at / 1000.0), u.id, to_timestamp(u.at / 1000.0), u.id, 1, 'EXPIRED',
  c.request_id, c.subjects, u.user_id, u.target
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
  AS u(org_id, request_id, user_id, at, id, target) JOIN call c ON ${isCall}${and('c', 'request_id', '$2::text[]')}`,
);
