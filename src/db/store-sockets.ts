import { Socket } from 'node:net';

/** All connections of this process to the database, so that they can be cut at once. */
export interface StoreSockets {
  /** A socket for a new connection, as `stream` of a `pg` configuration. */
  open(): Socket;
  /**
   * Destroys every connection; what waits on one fails with the cause. Nothing is sent, because the other
   * side may not answer any more.
   */
  destroyAll(cause: Error): void;
  readonly count: number;
}

/** Keeps the open sockets. */
export function createStoreSockets(): StoreSockets {
  const sockets = new Set<Socket>();
  return {
    get count() {
      return sockets.size;
    },
    open() {
      const socket = new Socket();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    destroyAll(cause) {
      for (const socket of sockets) socket.destroy(cause);
      sockets.clear();
    },
  };
}
