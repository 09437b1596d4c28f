/** Whether the server answered that a statement failed, and the connection is as good as before. */
export function isRefusedByServer(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    'severity' in cause &&
    cause.severity === 'ERROR' &&
    !('code' in cause && spoilsSession.has(String(cause.code)))
  );
}

/**
 * Such a session fails again and again. 25006: it belongs to a standby, or began while the database was read
 * only. 26000: its prepared statements are gone. 0A000: they do not fit the tables any more.
 */
const spoilsSession: ReadonlySet<string> = new Set(['25006', '26000', '0A000']);
