/** The guards of what is written first, as its statements name them in what they cast to a number. */
export const guards = {
  meter: 'guard: a meter is not as expected',
  limit: 'guard: a limit is near',
  hold: 'guard: a hold is not as expected',
  policies: 'guard: the policies have changed',
  time: 'guard: the time is not as expected',
} as const;

/** The name of a guard; `requestId` is the primary key of calls, which a repeated id violates. */
export type Guard = keyof typeof guards | 'requestId';

/** A guard of what was written first failed: nothing happened, and it is to be decided first. */
export class GuardFailed extends Error {
  readonly guard: Guard;

  constructor(guard: Guard, cause: unknown) {
    super(`cannot be written first: ${guard}`, { cause });
    this.name = 'GuardFailed';
    this.guard = guard;
  }
}

/**
 * The guard that made the server refuse a statement; undefined: it was refused for something else. A guard
 * casts its name to a number. The server quotes the name in its message, in whatever language that is.
 */
export function failedGuard(cause: unknown): Guard | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  if (cause.code === '23505') {
    return 'table' in cause && cause.table === 'call' ? 'requestId' : undefined;
  }
  if (cause.code !== '22P02') return undefined;
  const names = Object.keys(guards) as (keyof typeof guards)[];
  return names.find((name) => cause.message.includes(`"${guards[name]}"`));
}
