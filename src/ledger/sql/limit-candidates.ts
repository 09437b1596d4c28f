/**
 * Meters whose limits are probably near exhaustion, by what limits did: thresholds that were reached in the windows of
 * now, and the newest events. The work is bounded: it does not depend on how many meters an organization has.
 *
 *   $1 text      org_id
 *   $2 text[]    windows; $3 bigint[]: the start of each (ms)
 *   $4 text[]    kinds of subject; empty: any
 *   $5 int       meters of each source at most
 */
const isOfKind = (name: string): string =>
  `(cardinality($4::text[]) = 0 OR split_part(${name}, ':', 1) = ANY($4::text[]))`;

/** So many events are looked at: there may be many more, none of which is of a meter of the kind. */
const mostEvents = 10_000;

export const limitCandidates = {
  text: `SELECT meter_id FROM (
  SELECT t.meter_id FROM unnest($2::text[], $3::bigint[]) AS w(name, start) CROSS JOIN LATERAL (
    SELECT t.meter_id, t.threshold FROM threshold_reached t
    WHERE t.time_window = w.name AND t.window_start = w.start AND t.org_id = $1 AND ${isOfKind('t.meter_id')}
    ORDER BY t.threshold DESC LIMIT $5::int) t
  ORDER BY t.threshold DESC LIMIT $5::int) reached
UNION
SELECT meter_id FROM (
  SELECT e.meter_id FROM (SELECT meter_id, last_at, sequence FROM enforcement_event WHERE org_id = $1
    ORDER BY last_at DESC, sequence DESC LIMIT ${mostEvents}) e
  WHERE e.meter_id IS NOT NULL AND ${isOfKind('e.meter_id')}
  ORDER BY e.last_at DESC, e.sequence DESC LIMIT $5::int) recent`,
} as const;

/** Subjects with a policy that declares limits. Parameters $1, $4, $5 as above: here $1, $2, $3. */
export const subjectsWithLimits = {
  text: `SELECT subject_kind, subject_id FROM policy_revision
WHERE org_id = $1 AND newest AND NOT deleted AND (cardinality($2::text[]) = 0 OR subject_kind = ANY($2::text[]))
  AND subject_kind <> 'tier'
ORDER BY subject_kind, subject_id LIMIT $3::int`,
} as const;
