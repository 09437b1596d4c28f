/** Organizations by id: the one statement of a distributed PostgreSQL that asks all nodes. */
export const listOrganizations = {
  name: 'list-organizations',
  /** $1 text: those after this id; $2 int: at most. */
  text: 'SELECT org_id FROM org WHERE org_id > $1::text ORDER BY org_id LIMIT $2::int',
} as const;
