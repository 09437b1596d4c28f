import type { UpkeepStatement } from './upkeep-statement.ts';

/* What is past the idempotency horizon. $1 bigint: the horizon (ms); $2 int: rows at most. */

function retentionStatement(write: (and: string) => string): UpkeepStatement {
  return { text: write(''), perOrganizationText: write('\n    AND org_id = $3::text') };
}

/** That no time is below 0 is the condition of the index. */
const isForgotten = `booked_at >= 0 AND booked_at < $1::bigint AND state <> 'OPEN' AND expires_at < $1::bigint`;

/**
 * Forgets calls past the idempotency horizon. $1 bigint: booked before (ms). The calls are found by the index of each
 * organization: where there is none to forget, that is one look for each.
 */
export const forgetCalls: UpkeepStatement = {
  text: `DELETE FROM call WHERE (org_id, request_id) IN (
  SELECT c.org_id, c.request_id FROM org AS o CROSS JOIN LATERAL (
    SELECT org_id, request_id FROM call WHERE org_id = o.org_id AND ${isForgotten}
    ORDER BY booked_at LIMIT $2::int) AS c LIMIT $2::int)`,
  perOrganizationText: `DELETE FROM call WHERE org_id = $3::text AND request_id IN (
  SELECT request_id FROM call WHERE org_id = $3::text AND ${isForgotten}
  ORDER BY booked_at LIMIT $2::int)`,
};

const key = 'org_id, limit_name, meter_id, threshold, time_window, window_start';

/** The greatest length of a window that ends, in days, a day that is put forward or back included. */
const days = { TEN_SECONDS: 1, MINUTE: 1, HOUR: 1, DAY: 2, WEEK: 8, MONTH: 32 };

const windowIsPast = Object.entries(days)
  .map(
    ([window, most]) =>
      `(time_window = '${window}' AND window_start < $1::bigint - ${most} * 86400000::bigint)`,
  )
  .join('\n    OR ');

/**
 * Forgets thresholds of windows that ended before the idempotency horizon: nothing is settled in them any more. An index
 * finds each kind of window. $1 bigint: the horizon (ms).
 */
export const forgetThresholds = retentionStatement(
  (and) => `DELETE FROM threshold_reached WHERE (${key}) IN (
  SELECT ${key} FROM threshold_reached WHERE (${windowIsPast})${and}
  LIMIT $2::int)${and}`,
);
