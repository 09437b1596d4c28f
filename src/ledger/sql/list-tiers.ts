/**
 * The tiers that have a meter or a policy, by the names of their meters. Both lists are read by their keys, from behind a
 * name on: $1 text org_id; $2 text: that name, `tier:` for the first page; $3 int: at most.
 *
 * An id is percent-encoded in the name of a meter and not in a policy; the order is that of the names.
 */
const encoded = `replace(replace(replace(replace(p.subject_id, '%', '%25'), '@', '%40'), ',', '%2C'), '/', '%2F')`;

export const listTiers = {
  text: `SELECT name FROM (
  (SELECT m.meter_id AS name FROM meter m WHERE m.org_id = $1 AND m.meter_id > $2 AND m.meter_id < 'tier;'
    AND strpos(m.meter_id, '@') = 0 ORDER BY m.meter_id LIMIT $3::int)
  UNION
  (SELECT named.name FROM (SELECT 'tier:' || ${encoded} COLLATE "C" AS name FROM policy_revision p
      WHERE p.org_id = $1 AND p.subject_kind = 'tier' AND p.newest AND NOT p.deleted) named
    WHERE named.name > $2 ORDER BY named.name LIMIT $3::int)
) tiers ORDER BY name LIMIT $3::int`,
} as const;
