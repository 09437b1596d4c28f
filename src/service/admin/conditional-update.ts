import { ServiceError } from '../../platform/service-error.ts';

/** An update that builds on what is there, on the condition that it is still there when it is written. */
export interface ConditionalUpdate<Present, Result> {
  /** The etag that the caller named; empty: none. */
  readonly etag: string;
  /** What the update builds on; undefined where there is nothing, or where it replaces the whole. */
  readonly read: () => Promise<Present | undefined>;
  /** Writes on the condition of an etag; empty: unconditionally. */
  readonly write: (present: Present | undefined, etag: string) => Promise<Result>;
}

const mostAttempts = 5;

/**
 * Runs the update. The condition is the caller's etag or, where it named none, the etag of what was read. In that case
 * the caller did not ask for a condition, so the update is retried when another change came in between: at most four
 * times, then it fails with ABORTED `ETAG_MISMATCH`.
 */
export async function conditionalUpdate<Present extends { readonly etag: string }, Result>({
  etag,
  read,
  write,
}: ConditionalUpdate<Present, Result>): Promise<Result> {
  for (let left = mostAttempts; ; left -= 1) {
    const present = await read();
    try {
      return await write(present, etag === '' ? (present?.etag ?? '') : etag);
    } catch (cause) {
      const isOvertaken = cause instanceof ServiceError && cause.reason === 'ETAG_MISMATCH';
      if (!isOvertaken || etag !== '' || left <= 1) throw cause;
    }
  }
}
