/** Without permission, or without such a function, asking again does not help. */
const refusedForGood: ReadonlySet<string> = new Set(['42501', '42883']);

/**
 * Runs work that the server may refuse, which then counts as done. Tells of the first refusal in a row, and stops
 * trying if it is for good. Any other failure is thrown: the connection is lost.
 */
export function createOptionalWork(
  onRefused: (cause: unknown) => void,
): (work: () => Promise<unknown>) => Promise<void> {
  let isRefused = false;
  let isGivenUp = false;
  return async (work) => {
    if (isGivenUp) return;
    try {
      await work();
      isRefused = false;
    } catch (cause) {
      const refused = refusalOf(cause);
      if (refused === undefined) throw cause;
      isGivenUp = refusedForGood.has(refused);
      if (!isRefused) onRefused(cause);
      isRefused = true;
    }
  };
}

/** The SQLSTATE of a statement that the server refused; undefined for any other failure. */
function refusalOf(cause: unknown): string | undefined {
  const isRefusal = cause instanceof Error && 'severity' in cause && cause.severity === 'ERROR';
  return isRefusal && 'code' in cause ? String(cause.code) : undefined;
}
