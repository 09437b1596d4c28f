import { databaseNowMs } from './database-now.ts';

/** The instant that expiry is judged at: the database's own, unless a test says another. $1 bigint (ms) or null. */
const now = `coalesce($1::bigint, ${databaseNowMs})`;

/**
 * The organizations that have holds whose time is over; an instant equal to the expiry is past it. Found by
 * jumping from one organization with open holds to the next in the index, however many holds there are.
 */
export const expiredOrganizations = {
  name: 'expired-organizations',
  /** $1 bigint: now (ms), null for the database's clock; $2 text: organization, or null for all. */
  text: `WITH RECURSIVE holding AS (
  (SELECT org_id FROM call WHERE state = 'OPEN' AND ($2::text IS NULL OR org_id = $2) ORDER BY org_id LIMIT 1)
  UNION ALL
  SELECT (SELECT c.org_id FROM call c WHERE c.state = 'OPEN' AND c.org_id > h.org_id
      AND $2::text IS NULL ORDER BY c.org_id LIMIT 1)
  FROM holding h WHERE h.org_id IS NOT NULL
)
SELECT h.org_id FROM holding h WHERE h.org_id IS NOT NULL AND EXISTS (
  SELECT FROM call c WHERE c.org_id = h.org_id AND c.state = 'OPEN' AND c.expires_at <= ${now})`,
} as const;

/** The next holds whose time is over, some of each organization, oldest first. */
export const openExpired = {
  name: 'open-expired',
  /**
   * $1 bigint: now (ms), null for the database's clock; $2 text[]: organizations; $3 bigint[], $4 text[]: expiry
   * (ms) and request id of the last hold that was seen of each; $5 int: at most, of each.
   */
  text: `SELECT c.org_id, c.request_id, c.expires_at
FROM unnest($2::text[], $3::bigint[], $4::text[]) AS o(org_id, expires_at, request_id)
CROSS JOIN LATERAL (
  SELECT org_id, request_id, expires_at FROM call
  WHERE org_id = o.org_id AND state = 'OPEN' AND expires_at <= ${now}
    AND (expires_at, request_id) > (o.expires_at, o.request_id)
  ORDER BY expires_at, request_id LIMIT $5) AS c`,
} as const;
