/** Takes an organization's lock, its own meter's row, as every batch does first. $1 text: org_id. */
export const lockOrganization =
  "SELECT 1 FROM meter WHERE org_id = $1 AND meter_id = 'org' FOR UPDATE";
