import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What a proxy does with what comes in from one side. */
export type Passage = 'pass' | 'swallow';

/** A TCP proxy in front of a server, which can do to connections what networks do. */
export interface TcpProxy {
  readonly port: number;
  /** Open connections through it. */
  readonly count: number;
  /** How what comes from either side is treated from now on, on connections open and new. */
  set(toServer: Passage, toClient: Passage): void;
  /** New connections are accepted and lead nowhere, and open ones carry nothing: a black hole. */
  blackHole(): void;
  /** Ends all of this for new connections; those that were lost or muted stay so forever. */
  restore(): void;
  /**
   * A connection on which the client sends this text carries nothing to the client from then on; what the client
   * sends arrives.
   */
  swallowAfter(text: string): void;
  /** Connections on which that has happened. */
  readonly mutedCount: number;
  /** Delays what is passed on, milliseconds. */
  delay(ms: number): void;
  /** Cuts every connection, with a reset. */
  reset(): void;
  /** Says to the client that the server has ended, and goes on listening to the client. */
  halfClose(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket | undefined;
  /** It was open in a black hole: nothing of it ever arrives. */
  isLost: boolean;
  /** Nothing arrives at the client. */
  isMute: boolean;
}

/** Starts a proxy on a free port of the loopback interface. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let [toServer, toClient]: [Passage, Passage] = ['pass', 'pass'];
  let isHole = false;
  let delayMs = 0;
  let muting: string | undefined;
  let mutedCount = 0;

  function mute(pair: Pair): void {
    if (!pair.isMute) mutedCount += 1;
    pair.isMute = true;
  }

  function forward(pair: Pair, from: Socket, to: Socket, passage: () => Passage): void {
    from.on('data', (bytes: Buffer) => {
      if (from === pair.client && muting !== undefined && bytes.includes(muting)) mute(pair);
      if (pair.isLost || passage() === 'swallow' || (pair.isMute && to === pair.client)) return;
      if (delayMs === 0) to.write(bytes);
      else setTimeout(() => to.write(bytes), delayMs);
    });
    from.on('end', () => void (pair.isLost || to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => void (pair.isLost || to.destroy()));
  }

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = isHole ? undefined : connect({ ...target, allowHalfOpen: true });
    const pair: Pair = { client, server, isLost: isHole, isMute: false };
    pairs.add(pair);
    client.on('close', () => pairs.delete(pair));
    client.on('error', () => client.destroy());
    if (server === undefined) return void client.resume();
    forward(pair, client, server, () => toServer);
    forward(pair, server, client, () => toClient);
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));

  return {
    port: (listener.address() as AddressInfo).port,
    get count() {
      return pairs.size;
    },
    set(server, client) {
      [toServer, toClient] = [server, client];
    },
    blackHole() {
      isHole = true;
      for (const pair of pairs) pair.isLost = true;
    },
    restore() {
      isHole = false;
      muting = undefined;
      [toServer, toClient] = ['pass', 'pass'];
      delayMs = 0;
    },
    get mutedCount() {
      return mutedCount;
    },
    swallowAfter(text) {
      muting = text;
    },
    delay(ms) {
      delayMs = ms;
    },
    reset() {
      for (const { client, server } of pairs) {
        client.resetAndDestroy();
        server?.resetAndDestroy();
      }
    },
    halfClose() {
      for (const { client } of pairs) client.end();
    },
    async close() {
      for (const { client, server } of pairs) {
        client.destroy();
        server?.destroy();
      }
      await new Promise<void>((done) => listener.close(() => done()));
    },
  };
}

/** The same database through a proxy. */
export function throughProxy(url: string, proxy: Pick<TcpProxy, 'port'>): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}

/** Where the server of a database listens. */
export function serverOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port === '' ? 5432 : port) };
}
