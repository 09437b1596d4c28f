/** A decision threw: a fault of our own, in what one operation brought; the connection is well. */
export class DecisionFault extends Error {
  constructor(cause: unknown) {
    super('a decision failed', { cause });
    this.name = 'DecisionFault';
  }
}
