import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';

/** A connection that says what a test says, and never closes of itself. */
export interface RawConnection {
  /** What has come so far. */
  readonly said: string;
  /** Resolves when the other end has closed it. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Connects, over TLS if options for that are given, and says something. */
export async function connectRaw(
  port: number,
  text: string,
  tls?: { readonly ca: Buffer; readonly ALPNProtocols: string[] },
): Promise<RawConnection> {
  const where = { port, host: '127.0.0.1', allowHalfOpen: true };
  const socket: Socket =
    tls === undefined
      ? connectTcp(where)
      : connectTls({ ...where, ...tls, servername: 'localhost' });
  let said = '';
  socket.on('data', (data) => (said += data.toString('latin1')));
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) socket.once(event, () => resolve());
  });
  await once(socket, tls === undefined ? 'connect' : 'secureConnect');
  await new Promise<unknown>((sent) => socket.write(text, 'latin1', sent));
  return {
    get said() {
      return said;
    },
    ended,
    close: () => socket.destroy(),
  };
}
