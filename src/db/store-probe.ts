import { createCommitProbe } from './commit-probe.ts';
import { createOptionalWork } from './optional-work.ts';
import { answerOf, createProbeConnection } from './probe-connection.ts';
import type { ProbeConnectionParts } from './probe-connection.ts';
import { CommitsHang } from './store-faults.ts';
import { createStuckSessions } from './stuck-sessions.ts';

/** Asks the store whether it can be read and written, and ends stuck sessions on the way. */
export interface StoreProbe {
  /** Probes once; with `withCommit` it commits a write too. Undefined: all is well. */
  run(withCommit: boolean): Promise<Error | undefined>;
  close(): void;
}

/** What the probe is made of. */
export interface StoreProbeParts extends ProbeConnectionParts {
  /** After this long a session of ours that waits in a transaction for its client is ended. */
  readonly idleInTransactionMs: number;
  /** Called once, until it works again, when the server refuses something that the probe does not need. */
  readonly onRefused: (what: 'commit' | 'endStuckSessions', cause: unknown) => void;
}

/** Two writes get three quarters of it, so that callers, who wait two seconds, get an answer before they give up. */
const commitShare = 3 / 8;

/** Probes on a connection of its own. One that fails is closed, and the next probe opens another. */
export function createStoreProbe(parts: StoreProbeParts): StoreProbe {
  const { silenceMs, idleInTransactionMs, onRefused } = parts;
  const connection = createProbeConnection(parts);
  const commits = createCommitProbe({
    connection,
    commitMs: silenceMs * commitShare,
    optional: createOptionalWork((cause) => onRefused('commit', cause)),
  });
  const endStuckSessions = createOptionalWork((cause) => onRefused('endStuckSessions', cause));
  const monotonicMs = (): number => performance.now();
  const stuckSessions = createStuckSessions({ idleInTransactionMs, monotonicMs });

  let isEnded = false;

  async function probe(withCommit: boolean): Promise<void> {
    const answer = await connection.ask(commits.hungPids);
    await endStuckSessions(() => answerOf(stuckSessions.look(answer.client), silenceMs / 2));
    if (withCommit) await commits.run(answer);
  }

  /** What was wrong. */
  async function tryOnce(withCommit: boolean): Promise<Error | undefined> {
    if (isEnded) return new Error('the probe has ended');
    try {
      await probe(withCommit);
      return undefined;
    } catch (cause) {
      // What answers that commits hang is a good connection.
      if (!(cause instanceof CommitsHang)) connection.close();
      return cause instanceof Error ? cause : new Error(String(cause));
    } finally {
      // It may have been ended while a connection was opened.
      if (isEnded) connection.close();
    }
  }

  return {
    close() {
      isEnded = true;
      connection.close();
    },
    async run(withCommit) {
      const wasOpen = connection.isOpen;
      const failure = await tryOnce(withCommit);
      const isFinal = failure === undefined || failure instanceof CommitsHang || !wasOpen;
      // The end of one session, or its silence, says nothing of the server.
      return isFinal ? failure : tryOnce(withCommit);
    },
  };
}
