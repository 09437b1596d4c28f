/** Whether the server answered that a statement failed: the connection is as good as before. */
export function isRefusedByServer(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    'severity' in cause &&
    cause.severity === 'ERROR' &&
    !isReadOnly(cause)
  );
}

/** The session belongs to a standby, or began while the database was read only: it will never write. */
function isReadOnly(cause: Error): boolean {
  return 'code' in cause && cause.code === '25006';
}
