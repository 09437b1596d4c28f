/**
 * The two forms of a statement of a batch. `mixed` serves several organizations at once: on one node that is faster.
 * `perOrganization` names the one organization of the batch in a plain condition on every table, so that a distributed
 * PostgreSQL sends it to one shard, in a transaction of one node.
 *
 * Both have the same parameters and return the same rows. `$1` is an array of organizations in both; in the second
 * all of its elements are the same.
 */
export type BatchForm = 'mixed' | 'perOrganization';

/** A statement of a batch in both forms, under one name: a connection prepares one of them. */
export interface BatchStatement {
  readonly name: string;
  /** The form `mixed`. */
  readonly text: string;
  readonly perOrganizationText: string;
}

/** The only organization of a batch in the form `perOrganization`. */
const theOrganization = '($1::text[])[1]';

/** The parts in which the two forms of a statement differ. */
export interface BatchFormParts {
  /**
   * Where the organization of a row that is inserted comes from. An INSERT that takes it from `unnest` is planned
   * for all shards by a distributed PostgreSQL; taken from `org`, it goes to one. An organization that is missing
   * inserts nothing, so the caller compares the number of rows.
   */
  readonly source: 'u' | 'o';
  /** In front of `unnest` in FROM. */
  readonly from: string;
  /** The WHERE of an INSERT, or nothing. */
  readonly where: string;
  /**
   * More conditions on a table that is joined by its key: its organization, and that the rest of the key is among the
   * values of a parameter. Without the second a planner that believes the table to be small reads all of an organization.
   */
  readonly and: (table: string, key: string, values: string) => string;
  /** The condition on a table that `$1` alone selects from. */
  readonly isOne: (table: string) => string;
}

const parts: Readonly<Record<BatchForm, BatchFormParts>> = {
  mixed: {
    source: 'u',
    from: '',
    where: '',
    and: () => '',
    isOne: (table) => `${table}.org_id = ANY($1::text[])`,
  },
  perOrganization: {
    source: 'o',
    from: 'org o CROSS JOIN ',
    where: `\nWHERE o.org_id = ${theOrganization}`,
    and: (table, key, values) =>
      ` AND ${table}.org_id = ${theOrganization} AND ${table}.${key} = ANY(${values})`,
    isOne: (table) => `${table}.org_id = ${theOrganization}`,
  },
};

/** Makes both forms from one template. */
export function batchStatement(
  name: string,
  write: (form: BatchFormParts) => string,
): BatchStatement {
  return { name, text: write(parts.mixed), perOrganizationText: write(parts.perOrganization) };
}
