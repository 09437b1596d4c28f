/** Numbers by chance that a seed repeats. */
export interface Random {
  readonly seed: number;
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  /** One of some. */
  pick<Value>(values: readonly [Value, ...Value[]]): Value;
}

/** By TOLLGATE_TEST_SEED if it is set, else by a new seed, which is printed. */
export function createRandom(): Random {
  const seed = Number(process.env['TOLLGATE_TEST_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`TOLLGATE_TEST_SEED=${seed}\n`);
  return seededRandom(seed);
}

/** The same numbers for the same seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const between = (least: number, most: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return least + (((mixed ^ (mixed >>> 14)) >>> 0) % (most - least + 1));
  };
  return { seed, between, pick: (values) => values[between(0, values.length - 1)] ?? values[0] };
}
