/** Whether the server answered that a statement failed: the connection is as good as before. */
export function isRefusedByServer(cause: unknown): boolean {
  return cause instanceof Error && 'severity' in cause && cause.severity === 'ERROR';
}
