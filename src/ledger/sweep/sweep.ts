import type { DueOrganizations } from './due-organizations.ts';
import { createSweepPass } from './pass.ts';
import type { SweepPassOptions } from './pass.ts';
import type { SweepPass } from './tally.ts';
import { createSweepPiece } from './piece.ts';
import type { SweepPieceOptions } from './piece.ts';
import { createSweepStore } from './store.ts';
import type { SweepStore, SweepStoreOptions } from './store.ts';
import { createSweepTally } from './tally.ts';
import { createSweepTurns } from './turns.ts';

/**
 * Ends holds whose time is over: some hundred in one transaction, by the rules and in the lock order of every
 * other batch, on a connection of its own.
 *
 * Promised: an organization with many such holds does not delay those of another, and a hold that cannot be
 * ended does not delay any other. A replica that dies or is paused loses nothing and ends nothing twice; another
 * one goes on within three seconds.
 * Not promised: that a hold ends at the instant at which its time is over, or that its end is on disk when it
 * is counted. A crash of the database may undo the last ones as a whole; they are then ended again.
 */
export interface Sweep {
  /**
   * One pass over the holds that are due, on the replica that has the lease; on others it does nothing. Between two
   * transactions it rests (`pace.ts`). Ends early when it is stopped. Fails if the store does.
   */
  pass(signal: AbortSignal): Promise<SweepPass>;
  /**
   * Ends at once all holds that are due now, of one organization or of all, without the lease. Returns how many it
   * ended; fails if there are some that it cannot end, and none that it could.
   */
  endNow(orgId?: string, signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** What the sweep is made of. */
export interface SweepOptions
  extends
    SweepStoreOptions,
    Omit<SweepPieceOptions, 'store'>,
    Pick<SweepPassOptions, 'pause' | 'onEnded'> {
  /** The error that callers get for a failure. */
  readonly failure: (cause: unknown) => Error;
}

/** Organizations that share a transaction, at most: where each has few holds, that spares commits. */
const organizationsOfPiece = 8;
/** Organizations that are looked for at a time. */
const organizationsOfPage = 1000;

/** Creates the sweep of one replica. */
export function createSweep(options: SweepOptions): Sweep {
  const { onEnded } = options;
  const store = createSweepStore(options);
  const runPiece = createSweepPiece({ ...options, store });
  const newTurns = () => createSweepTurns(options.perOrganization ? 1 : organizationsOfPiece);
  return {
    pass: createSweepPass({ ...options, store, runPiece, newTurns, organizationsOfPage }),
    async endNow(orgId, signal) {
      const nowMs = await store.now();
      const tally = createSweepTally(onEnded);
      const turns = newTurns();
      for await (const page of orgId === undefined ? pages(store, nowMs) : [[orgId]]) {
        turns.add(page);
        while (!turns.isEmpty) {
          signal?.throwIfAborted();
          const order = { turns: turns.take(), nowMs, isResting: () => false, isUrgent: true };
          const piece = await runPiece(order);
          for (const turn of piece.again) turns.again(turn);
          tally.add(piece);
        }
      }
      const { ended, examples } = tally.pass();
      if (ended === 0 && examples[0] !== undefined) throw options.failure(examples[0].cause);
      return ended;
    },
    close: () => store.close(),
  };
}

/** All organizations with holds that are due, page by page. */
async function* pages(store: SweepStore, nowMs: number): AsyncGenerator<readonly string[]> {
  let after: string | undefined = '';
  while (after !== undefined) {
    const found: DueOrganizations = await store.organizations(after, organizationsOfPage, {
      nowMs,
    });
    yield found.due;
    after = found.goOnAfter;
  }
}
