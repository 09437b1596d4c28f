import { guards } from '../write-first/guard-failed.ts';
import { upsertMeters } from './apply-deltas.ts';
import { databaseNowMs } from './database-now.ts';

/**
 * Ends holds whose time is over before it is known under the lock that they may be ended: each of these statements
 * fails, and with it the transaction, where it finds something else than the process foresaw. They travel in one
 * flight, in this order: the first one locks the organizations.
 *
 * The meters give back what was held. $1 to $5 as in `apply-deltas`. No sum is returned: nothing is decided by it.
 */
export const giveBackHolds = {
  name: 'give-back-holds',
  text: `WITH applied AS (${upsertMeters} RETURNING m.filled)
SELECT (CASE WHEN bool_and(filled) THEN '0' ELSE '${guards.meter}' END)::int FROM applied`,
} as const;

/**
 * Fails unless the policies are still those of the plans, and the time at which the ends are recorded is near the
 * database's and not before what is closed for the roll-up. Returns one row for each organization: the database's time, and how
 * long the transaction has taken to lock the meters and to give back, both in ms.
 */
export const agreeOnEnds = {
  name: 'agree-on-ends',
  /** $1 text[] organizations, $2 bigint[] their epochs, $3 bigint[] the time of each (ms); $4 bigint: how far it may
   *  be from the database's (ms), or null if somebody else moves the clock. */
  text: `SELECT floor(extract(epoch FROM clock.now) * 1000)::bigint,
  (extract(epoch FROM clock.now - transaction_timestamp()) * 1000)::bigint,
  (CASE WHEN o.epoch + p.epoch = u.epoch THEN '0' ELSE '${guards.policies}' END)::int,
  (CASE WHEN abs(u.at - extract(epoch FROM clock.now) * 1000) > $4::bigint
    OR to_timestamp(u.at / 1000.0) < r.closed_to THEN '${guards.time}' ELSE '0' END)::int
FROM (SELECT clock_timestamp() AS now) AS clock, platform AS p,
  unnest($1::text[], $2::bigint[], $3::bigint[]) AS u(org_id, epoch, at)
LEFT JOIN org AS o ON o.org_id = u.org_id LEFT JOIN usage_rolled AS r ON r.org_id = u.org_id
WHERE p.only_row`,
} as const;

/**
 * Closes the calls, and appends to the record and to the events what their rows say, as the statements of
 * `end-holds.ts` do. In one statement a call's row is found once and not four times. Fails unless each call is
 * as it was read, and past its expiry.
 */
export const endHoldsFirst = {
  name: 'end-holds-first',
  /** One element for each hold: $1 text[] org_id, $2 text[] request_id, $3 int[] version, $4 boolean[] charged,
   *  $5 text[] user_id, $6 text[] target, $7 bigint[] when it is recorded (ms), $8 uuid[] id of the usage and of the
   *  event, $9 text[] units that are charged, as JSON, $10 text[] provider, $11 text[] service_tier; $12 bigint: the time
   *  that they are compared with (ms), or null for the database's. */
  text: `WITH ended AS (
  UPDATE call AS c SET state = CASE WHEN u.charged THEN 'CHARGED' ELSE 'EXPIRED' END, version = c.version + 1
  FROM unnest($1::text[], $2::text[], $3::int[], $4::boolean[], $5::text[], $6::text[], $7::bigint[], $8::uuid[],
    $9::text[], $10::text[], $11::text[])
    AS u(org_id, request_id, version, charged, user_id, target, at, id, units, provider, service_tier),
    (SELECT coalesce($12::bigint, ${databaseNowMs}) AS ms OFFSET 0) AS now
  WHERE c.org_id = u.org_id AND c.request_id = u.request_id AND c.version = u.version AND c.expires_at <= now.ms
  RETURNING c.org_id, c.request_id, c.booked_at, c.subjects, c.facts, c.held_cost, c.held_input, c.held_output,
    c.requests, u.charged, u.user_id, u.target, to_timestamp(u.at / 1000.0) AS at, u.id, u.units::jsonb AS units,
    u.provider, u.service_tier
), recorded AS (
  INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id, target, facts,
    cost, input, output, cached_input, cache_write, requests, price_revision, over_hold, late, unpriced,
    reasoning_output, cache_write_1h, units, provider, service_tier)
  SELECT org_id, at, id, request_id, 'EXPIRED', booked_at, subjects, user_id, target, facts,
    CASE WHEN charged THEN held_cost ELSE 0 END, CASE WHEN charged THEN held_input ELSE 0 END,
    CASE WHEN charged THEN held_output ELSE 0 END, 0, 0, requests, NULL, false, false, false,
    0, 0, units, provider, service_tier FROM ended
), told AS (
  INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id, subjects,
    user_id, target)
  SELECT org_id, at, id::text, at, id::text, 1, 'EXPIRED', request_id, subjects, user_id, target FROM ended
)
SELECT (CASE WHEN count(*) = cardinality($1::text[]) THEN '0' ELSE '${guards.hold}' END)::int FROM ended`,
} as const;

/** All of them, to be prepared. */
export const endingFirst = [giveBackHolds, agreeOnEnds, endHoldsFirst];
