import { columns } from './apply-deltas.ts';

/** Reads meters with the organization's epoch, in one snapshot, without locks; for Explain and reports. */
export const readMeters = {
  name: 'read-meters',
  /** $1 text: organization; $2 text[]: meter ids. One row without a meter where none of them exists. */
  text: `SELECT o.epoch + p.epoch, m.meter_id, m.filled, ${columns.map((column) => `m.${column.name}`).join(', ')}
FROM org o JOIN platform p ON p.only_row LEFT JOIN meter m ON m.org_id = o.org_id AND m.meter_id = ANY($2::text[])
WHERE o.org_id = $1`,
} as const;
