/**
 * Takes an organization's lock, its own meter's row, as every batch does first. $1 text: org_id. Returns the
 * start of its newest window (ms).
 */
export const lockOrganization =
  "SELECT ten_seconds_start FROM meter WHERE org_id = $1 AND meter_id = 'org' FOR UPDATE";
