const dayMs = 86_400_000;

/** The recorded day (UTC) of an instant, as `2026-03-10`. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** The instants between which a day lies, the second exclusive, in a form that no session reads otherwise. */
export function boundsOf(day: string): {
  readonly start: string;
  readonly end: string;
  readonly endMs: number;
} {
  const endMs = Date.parse(`${day}T00:00:00Z`) + dayMs;
  return { start: `${day} 00:00:00+00`, end: `${dayOf(endMs)} 00:00:00+00`, endMs };
}
