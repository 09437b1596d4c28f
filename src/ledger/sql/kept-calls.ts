import { columnsOfCall } from './read-state.ts';

/** Reads calls with all that is kept of them. $1 text: org; $2 text[]: request ids. */
export const keptCalls = {
  name: 'kept-calls',
  text: `SELECT ${columnsOfCall([])}
FROM call c WHERE c.org_id = $1::text AND c.request_id = ANY($2::text[])`,
} as const;

const booked = `usage WHERE org_id = $1::text AND booked_at = ANY($2::bigint[]) AND request_id = ANY($3::text[])
  AND recorded_at >= to_timestamp($4::bigint / 1000.0)`;

/**
 * What is in the ledger of calls. $1 text: org; $2 bigint[]: when they are booked (ms); $3 text[]: their request ids;
 * $4 bigint: nothing was recorded before (ms), so that older partitions are not read.
 */
export const bookedOfCalls = {
  name: 'booked-of-calls',
  text: `SELECT request_id, sum(cost)::text AS cost, sum(input)::text AS input, sum(output)::text AS output
FROM ${booked} GROUP BY request_id`,
} as const;

/** One row of `bookedOfCalls`. */
export interface BookedRow {
  readonly request_id: string;
  readonly cost: string;
  readonly input: string;
  readonly output: string;
}

/** The rows themselves, in the order in which they were recorded; parameters as of `bookedOfCalls`. */
export const entriesOfCalls = {
  name: 'entries-of-calls',
  text: `SELECT kind, (extract(epoch FROM recorded_at) * 1000)::bigint::text AS recorded_ms, booked_at::text,
  cost::text, input::text, output::text, requests::text, units::text
FROM ${booked} ORDER BY recorded_at, id LIMIT 100`,
} as const;

/** One row of `entriesOfCalls`. */
export interface EntryRow {
  readonly kind: string;
  readonly recorded_ms: string;
  readonly booked_at: string;
  readonly cost: string;
  readonly input: string;
  readonly output: string;
  readonly requests: string;
  readonly units: string | null;
}

/** The calls that name one as their parent, oldest first. $1 text: org; $2 text: the parent; $3 int: at most. */
export const childrenOfCall = {
  name: 'children-of-call',
  text: `SELECT ${columnsOfCall([])}
FROM call c WHERE c.org_id = $1::text AND c.parent_request_id = $2::text
ORDER BY c.booked_at, c.request_id LIMIT $3::int`,
} as const;

/**
 * The policies of subjects as they were at an epoch. $1 text: org; $2 text[], $3 text[]: kind and id of each subject;
 * $4 bigint: the epoch.
 */
export const policiesAtEpoch = {
  name: 'policies-at-epoch',
  text: `SELECT kind, id, revision FROM (
  SELECT DISTINCT ON (s.place) s.kind, s.id, s.place, p.revision, p.deleted
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS s(kind, id, place) JOIN policy_revision AS p
    ON p.org_id = $1::text AND p.subject_kind = s.kind AND p.subject_id = s.id
  WHERE p.epoch <= $4::bigint ORDER BY s.place, p.revision DESC) AS newest
WHERE NOT deleted ORDER BY place`,
} as const;

/** One row of `policiesAtEpoch`. */
export interface PolicyAtEpochRow {
  readonly kind: string;
  readonly id: string;
  readonly revision: number;
}
