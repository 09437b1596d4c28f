import { setTimeout as delay } from 'node:timers/promises';

/** Waits; a signal ends the wait early, without an error. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** How much is done at a time, if not limited by duration. */
export interface PaceOptions {
  /** Rows in every piece. */
  readonly pieceRows?: number;
  /** Rests between two pieces, instead of by the clock of the process. */
  readonly pause?: Pause;
}

/** Does one piece of work of at most so many rows, then rests. */
export type Pace = <Done extends { readonly rows: number }>(
  piece: (mostRows: number) => Promise<Done>,
) => Promise<Done>;

/** Rests this many times as long as it worked: a quarter of the time is work. */
const restPerWork = 3;
/** A piece this long is hardly noticed, and the snapshot it works on keeps little from being tidied up. */
const pieceMs = 50;
const firstRows = 1_000;
const [fewestRows, mostRows] = [200, 20_000];

/**
 * A pace for background work, so that it leaves room for calls: pieces of about a twentieth of a second, with a
 * rest after each in proportion to the time it took.
 */
export function createPace(signal: AbortSignal, options: PaceOptions = {}): Pace {
  const { pause = wait } = options;
  let rows = options.pieceRows ?? firstRows;
  return async (piece) => {
    const startedMs = performance.now();
    const done = await piece(rows);
    const tookMs = performance.now() - startedMs;
    if (options.pieceRows === undefined && done.rows === rows) rows = nextRows(rows, tookMs);
    await pause(tookMs * restPerWork, signal);
    return done;
  };
}

/** At most twice as many as before, since what a piece costs may change from row to row. */
function nextRows(rows: number, tookMs: number): number {
  const fitting = Math.round((rows * pieceMs) / Math.max(tookMs, 1));
  return Math.max(fewestRows, Math.min(fitting, rows * 2, mostRows));
}

const wait: Pause = async (ms, signal) => {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {
    // Woken early; the caller checks the signal.
  });
};
