const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a duration such as `90s`, `1.5s`, `26h`, `31d` or `1h30m`, also a negative one, in whole milliseconds;
 * undefined if the text is none.
 */
export function durationMs(text: string): number | undefined {
  const match = /^(-?)((?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)$/.exec(text);
  if (match === null) return undefined;
  let totalMs = 0;
  for (const [, count = '0', unit = ''] of (match[2] ?? '').matchAll(/([\d.]+)(ms|s|m|h|d)/g)) {
    totalMs += Number(count) * (unitMs[unit] ?? 0);
  }
  const ms = Math.round(totalMs);
  if (!Number.isSafeInteger(ms)) return undefined;
  return match[1] === '-' && ms > 0 ? -ms : ms;
}

/** Reads an instant with its zone, `2026-03-10T09:00:00Z`, in milliseconds since 1970; undefined if the text is none. */
export function instantMs(text: string): number | undefined {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;
  const ms = form.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
