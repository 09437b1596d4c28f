import { createStoreSockets } from './store-sockets.ts';
import type { StoreSockets } from './store-sockets.ts';
import { startStoreWatch } from './store-watch.ts';
import type { StoreWatch } from './store-watch.ts';

/** Sockets that are cut when the store is away, for work that has no time limit of its own. */
export interface WatchedSockets {
  readonly sockets: StoreSockets;
  /** Begins to probe the store. */
  begin(): void;
  stop(): void;
}

const intervalMs = 250;

/** Creates them; `silenceMs` is how long the store may be silent. */
export function watchSockets(url: string, silenceMs: number): WatchedSockets {
  const sockets = createStoreSockets();
  let watch: StoreWatch | undefined;
  return {
    sockets,
    begin() {
      watch = startStoreWatch({
        connectionString: url,
        sockets,
        silenceMs,
        intervalMs,
        idleInTransactionMs: silenceMs,
        // The work that is cut fails with the cause, and nothing else depends on the probe.
        onChange: () => undefined,
        onRefused: () => undefined,
      });
    },
    stop() {
      watch?.stop();
    },
  };
}
