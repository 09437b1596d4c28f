import type { Client } from 'pg';
import { inTime } from '../platform/in-time.ts';
import { destroyClient } from './open-client.ts';
import type { ProbeAnswer, ProbeConnection } from './probe-connection.ts';
import { CommitsHang } from './store-faults.ts';

/** Finds out whether the store commits. */
export interface CommitProbe {
  /** The server processes whose commits hung; empty when the last write was committed. */
  readonly hungPids: readonly number[];
  /** Commits a write, or throws `CommitsHang`. `answer` is the last answer on the connection. */
  run(answer: ProbeAnswer): Promise<void>;
}

/** What the probe needs. */
export interface CommitProbeParts {
  readonly connection: ProbeConnection;
  /** How long each of two writes may take, milliseconds. */
  readonly commitMs: number;
  /** Runs what the server may refuse. */
  readonly optional: (work: () => Promise<unknown>) => Promise<void>;
}

/** A write that needs no table: it leaves a record of some bytes in the log of the server. */
const write = `BEGIN; SELECT pg_logical_emit_message(true, 'tollgate', ''); COMMIT`;

/** A write may hang because of its connection alone: another one is then tried beside it. */
export function createCommitProbe(parts: CommitProbeParts): CommitProbe {
  const { connection, commitMs, optional } = parts;
  let hungPids: readonly number[] = [];

  async function commitBeside(written: Promise<void>, firstPid: number): Promise<void> {
    const second = await connection.ask([]);
    const either = Promise.any([written, optional(() => commitOn(second.client))]);
    hungPids = [firstPid, second.pid];
    if (!(await endsWithin(either, commitMs))) {
      connection.close();
      throw commitsHang();
    }
    hungPids = [];
    await either;
  }

  return {
    get hungPids() {
      return hungPids;
    },
    async run({ client, pid, hung }) {
      // Another write would only be another session that hangs.
      if (hungPids.length > 0 && hung === hungPids.length) throw commitsHang();
      const written = optional(() => commitOn(client));
      if (await endsWithin(written, commitMs)) {
        hungPids = [];
        return written;
      }
      connection.detach();
      try {
        await commitBeside(written, pid);
      } finally {
        destroyClient(client);
      }
    },
  };
}

async function commitOn(client: Client): Promise<void> {
  try {
    await client.query(write);
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {
      // The connection is lost, and its transaction with it.
    });
    throw cause;
  }
}

/** Whether work ends in time, in whatever way. */
async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const late = new Error('not yet');
  const cause = await inTime(work, timeoutMs, () => late).then(
    () => undefined,
    (error: unknown) => error,
  );
  return cause !== late;
}

function commitsHang(): CommitsHang {
  return new CommitsHang('the store answers, but commits nothing');
}
