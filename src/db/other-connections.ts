import type { Socket } from 'node:net';
import type { StoreSockets } from './store-sockets.ts';

/** When connections other than one's own last received something. */
export interface OtherConnections {
  /** By the monotonic clock, milliseconds; at most one interval late. */
  readonly heardMs: number;
  /** Opens one's own. */
  readonly ownSockets: Pick<StoreSockets, 'open'>;
  stop(): void;
}

/** Looks at the sockets in this interval. */
export function listenToOthers(sockets: StoreSockets, intervalMs: number): OtherConnections {
  const own = new WeakSet<Socket>();
  let heardMs = -Infinity;
  const timer = setInterval(() => {
    if (sockets.haveReceived(own)) heardMs = performance.now();
  }, intervalMs);
  timer.unref();
  return {
    get heardMs() {
      return heardMs;
    },
    ownSockets: {
      open(): Socket {
        const socket = sockets.open();
        own.add(socket);
        return socket;
      },
    },
    stop: () => clearInterval(timer),
  };
}
