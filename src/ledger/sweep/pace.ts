/** Holds that are ended in a second, at most: about a tenth of the operations that a lane does. */
const mostPerSecond = 2000;
/** A piece counts as so many holds at least: one that ends few costs a transaction too. */
const fewestHolds = 16;

/**
 * How long the sweep rests after a piece, milliseconds. It is paced by number, because on a busy machine most of
 * the time that a piece takes is waiting for a processor; but where the store is slow, it rests half as long as
 * the piece took.
 */
export function sweepRestMs(tookMs: number, holds: number): number {
  const intervalMs = (Math.max(holds, fewestHolds) / mostPerSecond) * 1000;
  return Math.max(intervalMs - tookMs, tookMs / 2);
}
