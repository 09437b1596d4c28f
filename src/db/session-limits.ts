/**
 * How long the server waits for this process, set on every connection, whatever the server's own settings
 * are. A replica that is paused or has vanished in a transaction holds the row of an organization, and all
 * calls of it wait: so the server ends such a session soon. Milliseconds.
 */
export interface SessionLimits {
  /** In a transaction, between two statements. */
  readonly idleInTransactionMs: number;
  /** For a transaction as a whole, where the server knows such a limit (17 or later); none unless given. */
  readonly transactionMs?: number;
  /** For sent data to be acknowledged. */
  readonly unacknowledgedMs: number;
}

/** The statement that sets them; what a server does not know is left out. */
export function setSessionLimits(limits: SessionLimits): string {
  const values = {
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    transaction_timeout: limits.transactionMs ?? 0,
    tcp_user_timeout: limits.unacknowledgedMs,
    tcp_keepalives_idle: 5,
    tcp_keepalives_interval: 1,
    tcp_keepalives_count: 3,
  };
  const rows = Object.entries(values).map(([name, value]) => `('${name}', '${value}')`);
  return `SELECT set_config(s.name, s.value, false) FROM (VALUES ${rows.join(', ')}) AS s(name, value)
WHERE s.name <> 'transaction_timeout' OR current_setting('server_version_num')::int >= 170000`;
}
