import type { Slices } from '../../src/platform/slices.ts';

/** Never rests: for tests of what is computed, not of how long its turns are. */
export const unhurried: Slices = { isDue: () => false, rest: () => Promise.resolve() };
