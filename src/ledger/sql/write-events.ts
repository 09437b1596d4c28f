import { batchStatement } from './batch-statement.ts';

/**
 * Claims the windows of events that are kept only if they are the first in their window for their limit, threshold and
 * meter. The primary key decides, so no replica can write one twice. A meter whose sums saturated stands there with an
 * empty limit and the threshold 0. It runs before `insert-events`, in the same transaction.
 */
export const claimWindows = batchStatement(
  'claim-windows',
  /** $1 text[] org_id, $2 text[] id of the event, $3 text[] limit_name, $4 text[] meter_id, $5 int[] threshold,
   *  $6 text[] time_window, $7 bigint[] window_start. */
  ({
    source,
    from,
    where,
  }) => `INSERT INTO threshold_reached (org_id, event_id, limit_name, meter_id, threshold,
  time_window, window_start)
SELECT ${source}.org_id, u.id, u.limit_name, u.meter_id, u.threshold, u.time_window, u.window_start
FROM ${from}unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::bigint[])
  AS u(org_id, id, limit_name, meter_id, threshold, time_window, window_start)${where}
ON CONFLICT DO NOTHING`,
);

/**
 * Appends enforcement events. A folded event has the id of its fold: a second one adds its count and
 * leaves the last numbers. An event with a `window_start` is kept only if `claim-windows` wrote its id.
 *
 * Window and start of `threshold_reached` are compared as expressions, so that its primary key is used: by the other
 * index a planner would read the windows of all organizations that begin at the same instant.
 */
export const insertEvents = batchStatement(
  'insert-events',
  /** $1 text[] org_id, $2 bigint[] at (ms), $3 text[] id, $4 text[] sequence, $5 bigint[] occurrences,
   *  $6 text[] action, $7 text[] request_id, $8 text[] subjects as array literals, $9 text[] user_id,
   *  $10 text[] limit_subject, $11 text[] limit_name or '', $12 int[] revision, $13 text[] meter_id,
   *  $14 text[] metric, $15 text[] time_window, $16 bigint[] window_start, $17 numeric[] spend,
   *  $18 bigint[] amount, $19 bigint[] ask, $20 int[] threshold, $21 bigint[] last_at (ms), $22 text[] raises,
   *  $23 text[] target. */
  ({
    source,
    from,
    where,
  }) => `INSERT INTO enforcement_event AS e (org_id, at, id, last_at, sequence, occurrences,
  action, request_id, subjects, user_id, limit_subject, limit_name, revision, meter_id, metric, time_window,
  window_start, spend, amount, ask, threshold, raises, target)
SELECT ${source}.org_id, to_timestamp(u.at / 1000.0), u.id, to_timestamp(u.last_at / 1000.0), u.sequence,
  u.occurrences, u.action, u.request_id, u.subjects::text[],
  u.user_id, u.limit_subject, nullif(u.limit_name, ''), u.revision, u.meter_id, u.metric, u.time_window,
  u.window_start, u.spend, u.amount, u.ask, u.threshold, u.raises, u.target
FROM ${from}unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[],
  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[], $13::text[], $14::text[],
  $15::text[], $16::bigint[], $17::numeric[], $18::bigint[], $19::bigint[], $20::int[], $21::bigint[], $22::text[],
  $23::text[])
  AS u(org_id, at, id, sequence, occurrences, action, request_id, subjects, user_id, limit_subject,
  limit_name, revision, meter_id, metric, time_window, window_start, spend, amount, ask, threshold, last_at, raises,
  target)
LEFT JOIN threshold_reached t ON t.org_id = ${source}.org_id AND t.limit_name = u.limit_name
  AND t.meter_id = u.meter_id AND t.threshold = coalesce(u.threshold, 0) AND t.event_id = u.id
  AND t.time_window || '' = u.time_window AND t.window_start + 0 = u.window_start
  AND t.limit_name = ANY($11::text[]) AND t.meter_id = ANY($13::text[])${where}
${where === '' ? 'WHERE' : '  AND'} (u.window_start IS NULL OR t.org_id IS NOT NULL)
ON CONFLICT (org_id, at, id) DO UPDATE SET occurrences = e.occurrences + excluded.occurrences,
  last_at = excluded.last_at, sequence = excluded.sequence, request_id = excluded.request_id,
  spend = excluded.spend, ask = excluded.ask, amount = excluded.amount, revision = excluded.revision,
  raises = excluded.raises, target = excluded.target`,
);
