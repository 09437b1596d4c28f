/** Which calls are looked through: each has an index of its own. */
export type CallScope = 'all' | 'denied' | 'children';

const scopes: Readonly<Record<CallScope, string>> = {
  all: '$4::text IS NULL',
  denied: '$4::text IS NULL AND reason IS NOT NULL',
  children: 'parent_request_id = $4::text',
};

/**
 * Looks through an organization's calls, newest first: some thousand at most, whatever is looked for. Returns those that
 * are looked for, and the last one that was looked at. $1 text: org; $2 bigint, $3 bigint: booked from, and before (ms);
 * $4 text: the parent or null; $5 bigint, $6 text: after this position, or null; $7 int: how many are looked at;
 * $8 text: subject, as meters name it; $9 text: target; $10 text: decision; $11 text: reason; $12 text: state; each null
 * for any. It has no name, so that it is planned for these values: for any number of rows a planner would sort a table.
 */
export const scanCalls: Readonly<Record<CallScope, { readonly text: string }>> = {
  all: scanning('all'),
  denied: scanning('denied'),
  children: scanning('children'),
};

function scanning(scope: CallScope): { readonly text: string } {
  return {
    text: `WITH scanned AS MATERIALIZED (
  SELECT booked_at, request_id, row_number() OVER (ORDER BY booked_at DESC, request_id DESC) AS place,
    ($8::text IS NULL OR subjects @> ARRAY[$8::text]) AND ($9::text IS NULL OR facts::jsonb ->> 'name' = $9::text)
    AND ($10::text IS NULL OR CASE WHEN reason IS NOT NULL THEN 'DENY' WHEN answer = '' THEN '' ELSE 'ALLOW' END
      = $10::text) AND ($11::text IS NULL OR reason IS NOT DISTINCT FROM $11::text)
    AND ($12::text IS NULL OR state = $12::text) AS fits
  FROM call
  WHERE org_id = $1::text AND booked_at >= 0 AND booked_at >= $2::bigint AND booked_at < $3::bigint AND ${scopes[scope]}
    AND ($5::bigint IS NULL OR (booked_at, request_id) < ($5::bigint, $6::text))
  ORDER BY booked_at DESC, request_id DESC LIMIT $7::int
)
SELECT booked_at::text, request_id, fits, place::int FROM scanned
WHERE fits OR place = (SELECT max(place) FROM scanned) ORDER BY place`,
  };
}

/** One row of `scanCalls`. */
export interface ScannedCall {
  readonly booked_at: string;
  readonly request_id: string;
  readonly fits: boolean;
  /** From 1. */
  readonly place: number;
}
