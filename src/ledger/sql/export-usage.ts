/**
 * Rows of the usage ledger in the order in which they were booked, from behind a row on, by the index of that. A bounded
 * number of rows is looked through, whatever the filters select. What resets took from meters is not usage.
 *
 *   $1 text     org_id
 *   $2 bigint, $3 bigint  booked from and before (ms); $4 timestamptz: recorded after, which spares older partitions
 *   $5 bigint, $6 uuid    behind this row
 *   $7 int      rows that are looked through; $8 int: rows that are answered
 *   $9 text[]   names of subjects, for each filter one text of those it selects, with spaces between them; $10 text[], $11 text[], $12 text[]: models, providers, service
 *               tiers, or null
 */
export const exportUsage = {
  text: `WITH scanned AS MATERIALIZED (
  SELECT u.id, u.booked_at, u.recorded_at, u.kind, u.request_id, u.subjects, u.facts, u.provider, u.service_tier,
    u.cost, u.input, u.cached_input, u.cache_write, u.cache_write_1h, u.output, u.reasoning_output, u.requests,
    u.units, u.price_revision, u.over_hold, u.late, u.unpriced, u.assumed
  FROM usage u WHERE u.org_id = $1 AND u.booked_at >= $2::bigint AND u.booked_at < $3::bigint
    AND u.recorded_at > $4::timestamptz AND (u.booked_at, u.id) > ($5::bigint, $6::uuid)
  ORDER BY u.booked_at, u.id LIMIT $7::int
), chosen AS (
  SELECT s.*, s.facts::jsonb ->> 'name' AS model, filters.are_met
  FROM scanned s CROSS JOIN LATERAL (
    SELECT coalesce(bool_and(s.subjects && string_to_array(f.names, ' ')), true) AS are_met
    FROM unnest($9::text[]) AS f(names)) AS filters
  WHERE s.kind <> 'RESET'
)
SELECT id::text, booked_at::text, (extract(epoch FROM recorded_at) * 1000)::bigint::text AS recorded_at, kind, request_id,
  subjects, model, coalesce(provider, '') AS provider, coalesce(service_tier, '') AS service_tier, cost::text,
  input::text, cached_input::text, cache_write::text, cache_write_1h::text, output::text, reasoning_output::text,
  requests::text, units::text, coalesce(price_revision, '') AS price_revision, over_hold, late, unpriced, assumed
FROM (SELECT * FROM chosen WHERE are_met AND ($10::text[] IS NULL OR model = ANY($10::text[]))
    AND ($11::text[] IS NULL OR coalesce(provider, '') = ANY($11::text[]))
    AND ($12::text[] IS NULL OR coalesce(service_tier, '') = ANY($12::text[]))
  ORDER BY booked_at, id LIMIT $8::int) found
ORDER BY found.booked_at, found.id`,
} as const;

/** How many rows such a page looks through, and the last of them. Parameters $1 to $7 of `exportUsage`. */
export const lastExported = {
  text: `SELECT count(*)::int AS rows, max(booked_at)::text AS booked_at,
  (array_agg(id ORDER BY booked_at DESC, id DESC))[1]::text AS id
FROM (SELECT u.id, u.booked_at FROM usage u WHERE u.org_id = $1 AND u.booked_at >= $2::bigint
    AND u.booked_at < $3::bigint AND u.recorded_at > $4::timestamptz AND (u.booked_at, u.id) > ($5::bigint, $6::uuid)
  ORDER BY u.booked_at, u.id LIMIT $7::int) scanned`,
} as const;

/** One row of `exportUsage`. */
export interface ExportRow {
  readonly id: string;
  readonly booked_at: string;
  readonly recorded_at: string;
  readonly kind: string;
  readonly request_id: string;
  readonly subjects: string[];
  readonly model: string;
  readonly provider: string;
  readonly service_tier: string;
  readonly cost: string;
  readonly input: string;
  readonly cached_input: string;
  readonly cache_write: string;
  readonly cache_write_1h: string;
  readonly output: string;
  readonly reasoning_output: string;
  readonly requests: string;
  readonly units: string | null;
  readonly price_revision: string;
  readonly over_hold: boolean;
  readonly late: boolean;
  readonly unpriced: boolean;
  readonly assumed: boolean;
}
