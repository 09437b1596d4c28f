import type { Pool } from 'pg';

/** How often uses are written. */
const writeEveryMs = 60_000;
/** Secrets of which a use is kept in memory. */
const maxKept = 10_000;

/** When secrets were last used, to about a minute. */
export interface LastUses {
  /** Notes a use, by the hex of the secret's hash. Costs no query. */
  note(sha256: string): void;
  /** Writes what was noted; for tests. */
  write(): Promise<void>;
  /** Writes what was noted, and no more after it. */
  close(): Promise<void>;
}

/**
 * Gathers uses in memory and writes them once a minute, so that no call causes a write. A secret that is used all the time
 * is written once a minute, by whichever replica comes first.
 *
 * Not promised: what was noted since the last time is lost when the process dies, and beyond 10,000 secrets a minute the
 * uses of others are not noted. While the store is away what was noted waits for it.
 */
export function createLastUses(parts: {
  readonly pool: Pool;
  readonly onFailure: (cause: unknown) => void;
}): LastUses {
  const { pool, onFailure } = parts;
  let noted = new Set<string>();
  let writing = Promise.resolve();

  async function writeNoted(): Promise<void> {
    if (noted.size === 0) return;
    const written = noted;
    noted = new Set();
    try {
      await pool.query(statement, [[...written].toSorted()]);
    } catch (cause) {
      for (const one of written) note(one);
      onFailure(cause);
    }
  }

  function note(sha256: string): void {
    if (noted.size < maxKept) noted.add(sha256);
  }

  function write(): Promise<void> {
    writing = writing.then(writeNoted);
    return writing;
  }

  const timer = setInterval(() => void write(), writeEveryMs);
  timer.unref();
  return {
    note,
    write,
    close() {
      clearInterval(timer);
      return write();
    },
  };
}

/** Another replica's use of the last minute is as good. */
const statement = `UPDATE account_secret SET last_used_at = now()
WHERE sha256 IN (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS hex)
  AND (last_used_at IS NULL OR last_used_at < now() - interval '50 seconds')`;
