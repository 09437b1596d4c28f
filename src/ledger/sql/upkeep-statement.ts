/** A statement of the upkeep in both forms; see `batch-statement.ts`. */
export interface UpkeepStatement {
  /** For all organizations at once. */
  readonly text: string;
  /** For one of them, which is the last parameter. A distributed PostgreSQL sends it to one shard. */
  readonly perOrganizationText: string;
}

/** The form and the parameters for one organization, or for all where none is given. */
export function inScope(
  { text, perOrganizationText }: UpkeepStatement,
  values: readonly (string | number)[],
  orgId: string | undefined,
): { readonly text: string; readonly values: (string | number)[] } {
  return orgId === undefined
    ? { text, values: [...values] }
    : { text: perOrganizationText, values: [...values, orgId] };
}
