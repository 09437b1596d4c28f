import { setTimeout as delay } from 'node:timers/promises';
import { createRestingHolds } from './resting-holds.ts';
import { createSweepLease, keepLeaseEveryMs } from './lease.ts';
import type { SweepLease } from './lease.ts';
import { sweepRestMs } from './pace.ts';
import type { createSweepPiece } from './piece.ts';
import { leaseMs } from './store.ts';
import type { SweepStore } from './store.ts';
import { createSweepTally } from './tally.ts';
import type { SweepPass, SweepTally } from './tally.ts';
import type { SweepTurns } from './turns.ts';

/** What the passes of a replica are run with. */
export interface SweepPassOptions {
  readonly store: SweepStore;
  readonly runPiece: ReturnType<typeof createSweepPiece>;
  readonly newTurns: () => SweepTurns;
  /** Organizations that are looked for at a time. */
  readonly organizationsOfPage: number;
  readonly monotonicMs: () => number;
  /** Rests between two pieces of a pass; a signal ends the rest early, without an error. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when holds were ended. */
  readonly onEnded?: (holds: number) => void;
}

/** How often a long pass looks for more organizations. */
const lookEveryMs = 1000;
/** A search takes no longer, but for its last query; the next one goes on where it broke off. */
const mostLookMs = leaseMs / 6;
/** A search rests so many times as long as it took. */
const restPerLook = 9;

/** Creates the passes of a replica: what they learn of holds that cannot be ended outlives a pass. */
export function createSweepPass(options: SweepPassOptions) {
  const { store, runPiece, monotonicMs } = options;
  const lease = createSweepLease(store, monotonicMs);
  const resting = createRestingHolds(monotonicMs);
  const rest = restingWith(lease, options.pause ?? wait);
  /** Where the search for organizations goes on. */
  let lookAfter = '';

  /** Lets the organizations wait that have holds which are due; how long to rest then. */
  async function look(turns: SweepTurns, signal: AbortSignal): Promise<number> {
    const startedMs = monotonicMs();
    // The lease is not kept during a search, so a search must not take longer than the lease.
    const mayGoOn = (): boolean => !signal.aborted && monotonicMs() - startedMs < mostLookMs;
    const found = await store.organizations(lookAfter, options.organizationsOfPage, { mayGoOn });
    lookAfter = found.goOnAfter ?? '';
    turns.add(found.due);
    return (monotonicMs() - startedMs) * restPerLook;
  }

  /** Ends holds of those whose turn it is; how long to rest then. */
  async function onePiece(turns: SweepTurns, tally: SweepTally): Promise<number> {
    const { isResting } = resting;
    const piece = await runPiece({ turns: turns.take(), isResting, isUrgent: false });
    for (const { orgId, requestId } of piece.stuck) resting.add(orgId, requestId);
    for (const turn of piece.again) turns.again(turn);
    tally.add(piece);
    return sweepRestMs(piece.workMs, piece.ended + piece.stuck.length);
  }

  async function walk(signal: AbortSignal, tally: SweepTally): Promise<void> {
    const turns = options.newTurns();
    let lookedMs = -Infinity;
    do {
      if (monotonicMs() - lookedMs >= lookEveryMs) {
        lookedMs = monotonicMs();
        if (!(await rest(await look(turns, signal), signal))) return;
      }
      if (turns.isEmpty) return;
      if (!(await rest(await onePiece(turns, tally), signal))) return;
    } while (!turns.isEmpty);
  }

  return async function pass(signal: AbortSignal): Promise<SweepPass> {
    const tally = createSweepTally(options.onEnded);
    if (!(await lease.isOurs())) return tally.pass();
    try {
      await walk(signal, tally);
    } finally {
      if (signal.aborted) await lease.leave();
    }
    return tally.pass();
  };
}

/** Rests, and keeps the lease meanwhile; answers whether the pass may go on. */
function restingWith(lease: SweepLease, pause: NonNullable<SweepPassOptions['pause']>) {
  return async (ms: number, signal: AbortSignal): Promise<boolean> => {
    for (let leftMs = ms; leftMs > 0; leftMs -= keepLeaseEveryMs) {
      await pause(Math.min(leftMs, keepLeaseEveryMs), signal);
      if (signal.aborted || !(await lease.isOurs())) return false;
    }
    return !signal.aborted;
  };
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {
    // Woken early; the caller checks the signal.
  });
}
