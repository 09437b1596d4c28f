/** Looks many keys up at once; keys that are absent are left out of the answer. */
export type LoadMany<Value> = (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

/** One key of many that were looked up together. */
export type LoadOne<Value> = (key: string) => Promise<Value | undefined>;

interface Round<Value> {
  readonly keys: Set<string>;
  readonly answer: Promise<ReadonlyMap<string, Value>>;
}

/**
 * Turns single look-ups into few large ones: one is under way at a time, and those that come meanwhile
 * share the next. So a flood of keys, known or not, costs the store one query at a time. Refuses
 * with what `full` makes when more than `most` keys wait.
 */
export function gatherLookups<Value>(
  load: LoadMany<Value>,
  most: number,
  full: () => Error,
): LoadOne<Value> {
  let last: Promise<unknown> = Promise.resolve();
  let gathering: Round<Value> | undefined;

  function startRound(): Round<Value> {
    const keys = new Set<string>();
    const answer = last.then(() => {
      gathering = undefined;
      return load([...keys]);
    });
    // A failed round fails its own callers, not the round after it.
    last = answer.catch(() => undefined);
    return { keys, answer };
  }

  return async (key) => {
    gathering ??= startRound();
    if (gathering.keys.size >= most && !gathering.keys.has(key)) throw full();
    gathering.keys.add(key);
    return (await gathering.answer).get(key);
  };
}
