import { batchStatement } from './batch-statement.ts';

/** Appends to the usage ledger, the record of which the meters are the projection. */
export const insertUsage = batchStatement(
  'insert-usage',
  /** $1 text[] org_id, $2 bigint[] recorded_at (ms), $3 uuid[] id, $4 text[] request_id, $5 text[] kind,
   *  $6 bigint[] booked_at (ms), $7 text[] subjects as array literals, $8 text[] user_id, $9 text[] target,
   *  $10 text[] facts, $11 bigint[] cost, $12 bigint[] input, $13 bigint[] output, $14 bigint[] cached,
   *  $15 bigint[] cache write, $16 bigint[] requests, $17 text[] price_revision, $18 boolean[] over_hold,
   *  $19 boolean[] late, $20 boolean[] unpriced, $21 bigint[] reasoning output, $22 boolean[] assumed,
   *  $23 text[] provider, $24 text[] service_tier, $25 bigint[] cache write for an hour, $26 text[] units as JSON. */
  ({
    source,
    from,
    where,
  }) => `INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id,
  target, facts, cost, input, output, cached_input, cache_write, requests, price_revision, over_hold,
  late, unpriced, reasoning_output, assumed, provider, service_tier,
  cache_write_1h, units)
SELECT ${source}.org_id, to_timestamp(u.recorded_at / 1000.0), u.id, u.request_id, u.kind, u.booked_at,
  u.subjects::text[], u.user_id, u.target, u.facts, u.cost,
  u.input, u.output, u.cached_input, u.cache_write, u.requests, u.price_revision, u.over_hold, u.late,
  u.unpriced, u.reasoning_output, u.assumed, u.provider, u.service_tier, u.cache_write_1h, u.units::jsonb
FROM ${from}unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
  $15::bigint[], $16::bigint[], $17::text[], $18::boolean[], $19::boolean[], $20::boolean[],
  $21::bigint[], $22::boolean[], $23::text[], $24::text[], $25::bigint[], $26::text[])
  AS u(org_id, recorded_at, id, request_id, kind, booked_at, subjects, user_id, target, facts, cost,
  input, output, cached_input, cache_write, requests, price_revision, over_hold, late, unpriced,
  reasoning_output, assumed, provider, service_tier, cache_write_1h, units)${where}`,
);
