import { batchStatement } from './batch-statement.ts';

/**
 * Writes the batch's new calls, and the calls it changed: two statements, because most batches have
 * only one of the two. A new call whose id is taken cannot happen under the organization's lock; the
 * primary key makes it an error instead of a second claim.
 */
export const insertCalls = batchStatement(
  'insert-calls',
  /** $1 text[] org_id, $2 text[] request_id, $3 text[] content, $4 text[] answer, $5 text[] detail,
   *  $6 text[] subjects as array literals, $7 text[] facts, $8 bigint[] held_cost, $9 bigint[] held_input,
   *  $10 bigint[] held_output, $11 bigint[] booked_at, $12 bigint[] expires_at, $13 bigint[] requests,
   *  $14 text[] state, $15 text[] closing, $16 text[] sums as array literals, $17 text[] reason,
   *  $18 text[] parent_request_id. */
  ({
    source,
    from,
    where,
  }) => `INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts,
  held_cost, held_input, held_output, booked_at, expires_at, requests, closing, sums, reason, parent_request_id)
SELECT ${source}.org_id, u.request_id, u.state, 1, u.content, u.answer, u.detail,
  u.subjects::text[], u.facts,
  u.held_cost, u.held_input, u.held_output, u.booked_at, u.expires_at, u.requests,
  u.closing, u.sums::bigint[], u.reason, u.parent_request_id
FROM ${from}unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[],
  $15::text[], $16::text[], $17::text[], $18::text[])
  AS u(org_id, request_id, content, answer, detail, subjects, facts, held_cost, held_input, held_output,
  booked_at, expires_at, requests, state, closing, sums, reason, parent_request_id)${where}`,
);

export const updateCalls = batchStatement(
  'update-calls',
  /** $1 text[] org_id, $2 text[] request_id, $3 text[] state, $4 text[] detail, $5 bigint[] held_cost,
   *  $6 bigint[] held_input, $7 bigint[] held_output, $8 bigint[] booked_at, $9 bigint[] expires_at,
   *  $10 text[] extends, $11 text[] closing. */
  ({ and }) => `UPDATE call AS c SET state = u.state, version = c.version + 1, detail = u.detail,
  held_cost = u.held_cost, held_input = u.held_input, held_output = u.held_output,
  booked_at = u.booked_at, expires_at = u.expires_at, extends = u.extends, closing = u.closing
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
  $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::text[])
  AS u(org_id, request_id, state, detail, held_cost, held_input, held_output, booked_at, expires_at,
  extends, closing)
WHERE c.org_id = u.org_id AND c.request_id = u.request_id${and('c', 'request_id', '$2::text[]')}`,
);
