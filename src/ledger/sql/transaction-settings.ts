/**
 * What is set at the begin of a transaction so that it waits for each of its locks so long at most.
 *
 * Citus keeps a setting of the session on the node that was asked. The node of the organization sees what is set in the
 * transaction, once settings are propagated. A PostgreSQL without Citus takes that one for a setting that nobody reads.
 */
export function transactionSettings(
  perOrganization: boolean,
  lockTimeoutMs: number,
): readonly string[] {
  if (!perOrganization) return [];
  return [
    "SET LOCAL citus.propagate_set_commands = 'local'",
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
  ];
}
