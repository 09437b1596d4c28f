/** A quarter of an hour: the days and hours of every time zone begin with one. */
export const quarterMs = 900_000;

/** The first quarter of an hour that does not begin before an instant. */
export function quarterFrom(atMs: number): number {
  return Math.ceil(atMs / quarterMs) * quarterMs;
}

/** No day of an organization is longer; to read a day that lies across an instant, look so far back. */
export const longestDayMs = 2 * 86_400_000;
