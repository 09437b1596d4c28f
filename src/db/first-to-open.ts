import type { Client } from 'pg';
import { destroyClient } from './open-client.ts';

/** How connections are opened until one is open. */
export interface FirstToOpenOptions {
  readonly open: () => Promise<Client>;
  /** Another attempt begins after this, milliseconds. */
  readonly everyMs: number;
}

/**
 * Opens a connection, with another attempt beside those under way every so often: what was sent into a network that
 * lost it is sent again only after a second or more. The first attempt to end decides, by its connection or its
 * failure; connections that open later are closed. Since each attempt has an end, there are only a few at a time.
 */
export async function firstToOpen({ open, everyMs }: FirstToOpenOptions): Promise<Client> {
  const { promise, resolve, reject } = Promise.withResolvers<Client>();
  let isDecided = false;

  async function attempt(): Promise<void> {
    try {
      const client = await open();
      if (isDecided) return destroyClient(client);
      isDecided = true;
      resolve(client);
    } catch (cause) {
      // The first one decides; those after it change nothing.
      reject(cause);
    }
  }

  const timer = setInterval(() => void attempt(), everyMs);
  void attempt();
  try {
    return await promise;
  } finally {
    isDecided = true;
    clearInterval(timer);
  }
}
