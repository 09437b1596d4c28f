const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads a duration such as `90s`, `26h`, `31d` or `1h30m`, also a negative one; undefined if it is none. */
export function durationMs(text: string): number | undefined {
  const match = /^(-?)((?:\d+(?:ms|s|m|h|d))+)$/.exec(text);
  if (match === null) return undefined;
  let totalMs = 0;
  for (const [, count = '0', unit = ''] of (match[2] ?? '').matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    totalMs += Number(count) * (unitMs[unit] ?? 0);
  }
  return match[1] === '-' ? -totalMs : totalMs;
}
