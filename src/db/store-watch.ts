import { setTimeout as delay } from 'node:timers/promises';
import { listenToOthers } from './other-connections.ts';
import { createRounds } from './probe-rounds.ts';
import { CommitsHang, StoreReadOnly, StoreSilent } from './store-faults.ts';
import { createStoreProbe } from './store-probe.ts';
import type { StoreProbeParts } from './store-probe.ts';
import type { StoreSockets } from './store-sockets.ts';

/** Whether the store answers and commits, as a connection of its own finds out. */
export interface StoreWatch {
  /** It refuses, is lost, is silent or does not commit; true until it has answered once. */
  readonly isAway: boolean;
  /** Resolves when it has answered once. */
  readonly answered: Promise<void>;
  /**
   * Probes now, with a write. Resolves when it is known whether the store is away; if it is, all connections have
   * been cut. For code that waits for an answer longer than usual.
   */
  probeNow(): Promise<void>;
  stop(): void;
}

/** What the watch is made of; times in milliseconds. */
export interface StoreWatchParts extends Omit<StoreProbeParts, 'sockets'> {
  readonly sockets: StoreSockets;
  /** Between two probes. */
  readonly intervalMs: number;
  readonly onChange: (isAway: boolean, cause: unknown) => void;
}

/** Looks at the sockets within the time that the store may be silent. */
const looks = 8;

/**
 * Probes the store on a connection of its own, and commits a write at least every two thirds of the time that the
 * store may be silent. If the connection is lost or silent, another one is tried before anything is concluded,
 * each for half of that time. When the store is silent, does not commit or may not be written, every connection
 * of this process is destroyed: its callers would otherwise keep waiting. A silent probe alone is not enough for
 * that: as long as other connections receive something, the store is there.
 */
export function startStoreWatch(parts: StoreWatchParts): StoreWatch {
  const { promise: answered, resolve: hasAnswered } = Promise.withResolvers<void>();
  const rounds = createRounds(parts.intervalMs);
  const others = listenToOthers(parts.sockets, parts.silenceMs / looks);
  const probe = createStoreProbe({ ...parts, sockets: others.ownSockets });
  let isAway = true;
  let committedMs = -Infinity;

  function change(away: boolean, cause?: unknown): void {
    if (away === isAway || rounds.isStopped) return;
    isAway = away;
    parts.onChange(away, cause);
  }

  async function round(isRequested: boolean): Promise<void> {
    const startedMs = performance.now();
    const isDue = startedMs - committedMs >= (parts.silenceMs * 2) / 3;
    const withCommit = isRequested || isAway || isDue;
    const failure = await probe.run(withCommit);
    if (failure === undefined) {
      if (withCommit) committedMs = startedMs;
      change(false);
      hasAnswered();
    } else if (await isMeantForAll(failure)) {
      // The probe's own connection is good where it is the one to say that commits still hang.
      const isKnown = isAway && failure instanceof CommitsHang;
      if (cutsAll(failure) && !isKnown) parts.sockets.destroyAll(failure);
      change(true, failure);
    }
  }

  /** Whether a failure of the probe says something of the store, and not of the probe's connections alone. */
  async function isMeantForAll(failure: Error): Promise<boolean> {
    if (hasNoSlot(failure)) return false;
    if (!isSilence(failure)) return true;
    const leftMs = others.heardMs + parts.silenceMs - performance.now();
    // A store that is known to be away is probed again at once: other connections may have found it back already.
    if (leftMs > 0 && !isAway) await delay(leftMs, undefined, { ref: false });
    return performance.now() - others.heardMs >= parts.silenceMs;
  }

  void rounds.run(round);
  return {
    get isAway() {
      return isAway;
    },
    answered,
    probeNow: () => rounds.ask(),
    stop() {
      rounds.stop();
      others.stop();
      probe.close();
    },
  };
}

/** Nothing came in time, or a connection did not open in time. */
function isSilence(failure: Error): boolean {
  const isConnectTimeout = /Connection terminated|timeout expired/.test(failure.message);
  return failure instanceof StoreSilent || isConnectTimeout;
}

/** Whether open connections are of no use any more. */
function cutsAll(failure: Error): boolean {
  return isSilence(failure) || failure instanceof CommitsHang || failure instanceof StoreReadOnly;
}

/** The server answers, but has no room for one more session. */
function hasNoSlot(failure: Error): boolean {
  return 'code' in failure && failure.code === '53300';
}
