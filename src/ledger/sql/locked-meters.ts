import { batchStatement } from './batch-statement.ts';

/**
 * Which organizations have a meter that another session has locked at this moment, without waiting for any.
 * It locks those that are free, until the end of its transaction: `FOR NO KEY UPDATE` is the lock that a batch
 * takes. Meters that do not exist yet are not locked by anybody whom this can see.
 */
export const lockedMeters = batchStatement(
  'locked-meters',
  /** $1 text[]: organizations; $2 text[]: meter ids, pairwise. One row per organization. */
  ({ and }) => `WITH requested AS (
  SELECT m.org_id, m.meter_id FROM unnest($1::text[], $2::text[]) AS u(org_id, meter_id)
  JOIN meter m ON m.org_id = u.org_id AND m.meter_id = u.meter_id${and('m', 'meter_id', '$2::text[]')}
), free AS MATERIALIZED (
  SELECT m.org_id, m.meter_id FROM unnest($1::text[], $2::text[]) AS u(org_id, meter_id)
  JOIN meter m ON m.org_id = u.org_id AND m.meter_id = u.meter_id${and('m', 'meter_id', '$2::text[]')}
  FOR NO KEY UPDATE OF m SKIP LOCKED
)
SELECT DISTINCT org_id FROM requested
WHERE NOT EXISTS (
  SELECT FROM free WHERE free.org_id = requested.org_id AND free.meter_id = requested.meter_id
)`,
);
