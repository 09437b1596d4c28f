/** A decision threw: a fault of our own, in what one operation brought; the connection is well. */
export class DecisionFault extends Error {
  constructor(cause: unknown) {
    super('a decision failed', { cause });
    this.name = 'DecisionFault';
  }
}

/** Runs work of our own between a batch's statements: what it throws is a `DecisionFault`. */
export function deciding<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof DecisionFault ? cause : new DecisionFault(cause);
  }
}
