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
  /** Whether an open connection, those of `own` left out, has received anything since this was last asked. */
  haveReceived(own: Pick<WeakSet<Socket>, 'has'>): boolean;
  readonly count: number;
}

/** Keeps the open sockets. */
export function createStoreSockets(): StoreSockets {
  const receivedBytes = new Map<Socket, number>();
  return {
    get count() {
      return receivedBytes.size;
    },
    open() {
      const socket = new Socket();
      receivedBytes.set(socket, 0);
      socket.once('close', () => receivedBytes.delete(socket));
      return socket;
    },
    destroyAll(cause) {
      for (const socket of receivedBytes.keys()) socket.destroy(cause);
      receivedBytes.clear();
    },
    haveReceived(own) {
      let found = false;
      for (const [socket, before] of receivedBytes) {
        // Counted below TLS, which takes the data itself.
        const { bytesRead } = socket;
        receivedBytes.set(socket, bytesRead);
        if (bytesRead > before && !own.has(socket)) found = true;
      }
      return found;
    },
  };
}
