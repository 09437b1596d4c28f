/** The holds whose time is over, oldest first; an instant equal to the expiry is past it. */
export const openExpired = {
  name: 'open-expired',
  /** $1 bigint: now (ms); $2 int: at most; $3 text: organization, or null for all. */
  text: `SELECT org_id, request_id FROM call
WHERE state = 'OPEN' AND expires_at <= $1::bigint AND ($3::text IS NULL OR org_id = $3)
ORDER BY expires_at LIMIT $2`,
} as const;
