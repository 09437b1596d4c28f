/** Calls were to be written before they were decided, and the database found them not as foreseen: nothing happened. */
export class Unforeseen extends Error {
  constructor(cause: unknown) {
    super('a batch was not as foreseen', { cause });
  }
}
