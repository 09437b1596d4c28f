import type { ClientBase } from 'pg';

/** Ends sessions of replicas that hold a transaction open while their process says nothing. */
export interface StuckSessions {
  /** Looks once, and ends those that have not moved for too long since an earlier look. */
  look(client: ClientBase): Promise<void>;
}

/** When to end a session; both in milliseconds. */
export interface StuckSessionsParts {
  readonly idleInTransactionMs: number;
  /** Of this process: the database's clock may be stepped, and would then end healthy sessions or none. */
  readonly monotonicMs: () => number;
}

/**
 * Such sessions may hold an organization's row. PostgreSQL has no time limit for a client that stops in the
 * middle of sending, before version 17. `since` changes with each message that the session runs. Seen are the
 * sessions of roles whose privileges ours has, and those of all roles if ours is a member of
 * `pg_signal_backend` and `pg_read_all_stats`.
 */
const candidates = `SELECT pid, backend_start::text || ' ' || state_change::text AS since
FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))
  AND (NOT rolsuper OR current_setting('is_superuser') = 'on')
  AND application_name IN ('tollgate-lane', 'tollgate admin', 'tollgate jobs')
  AND xact_start IS NOT NULL AND wait_event = 'ClientRead'
LIMIT 1000`;

const terminate = `SELECT pg_terminate_backend(pid) FROM (${candidates}) AS candidate
JOIN unnest($1::int[], $2::text[]) AS stuck (pid, since) USING (pid, since)`;

interface Candidate {
  readonly pid: number;
  readonly since: string;
}

/** Remembers the candidates of the last look, and since when each has not moved. */
export function createStuckSessions(parts: StuckSessionsParts): StuckSessions {
  let seenMs = new Map<string, number>();
  return {
    async look(client) {
      const { rows } = await client.query<Candidate>(candidates);
      const nowMs = parts.monotonicMs();
      const next = new Map<string, number>();
      const stuck: Candidate[] = [];
      for (const candidate of rows) {
        const key = `${candidate.pid} ${candidate.since}`;
        const firstMs = seenMs.get(key) ?? nowMs;
        next.set(key, firstMs);
        if (nowMs - firstMs >= parts.idleInTransactionMs) stuck.push(candidate);
      }
      seenMs = next;
      if (stuck.length === 0) return;
      await client.query(terminate, [stuck.map(({ pid }) => pid), stuck.map(({ since }) => since)]);
    },
  };
}
