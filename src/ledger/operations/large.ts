/**
 * An ask this large is added only after it was decided: a batch of such asks, added first, could leave
 * int64 and fail its neighbours. 2^52 nano-USD are 4.5 million dollars, and a batch has at most 512 asks.
 */
const largeAsk = 2n ** 52n;

/** Whether any of the numbers is too large to be added before the decision. */
export function isLarge(...numbers: readonly bigint[]): boolean {
  return numbers.some((number) => number >= largeAsk || number <= -largeAsk);
}

/** 8,796 dollars. Of asks below it plain numbers add up a batch, and two of its sums, exactly. */
const smallAsk = 2n ** 43n;

/** Whether all of the numbers, none below 0, are small enough to be added up as plain numbers. */
export function areSmall(...numbers: readonly bigint[]): boolean {
  return numbers.every((number) => number < smallAsk);
}
