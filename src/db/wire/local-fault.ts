/**
 * Code of this process threw while it prepared or read a batch. The fault lies in the data of one operation; the
 * connection and the transaction on it are as they were.
 */
export class LocalFault extends Error {
  constructor(cause: unknown) {
    super('a batch could not be prepared or read', { cause });
    this.name = 'LocalFault';
  }
}

/** Runs code of this process between the statements of a batch. Throws what the code throws as a `LocalFault`. */
export function localFaults<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof LocalFault ? cause : new LocalFault(cause);
  }
}
