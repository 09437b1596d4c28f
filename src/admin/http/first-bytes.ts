import type { Socket } from 'node:net';

const preface = Buffer.from('PRI ');

/**
 * Looks at the first bytes of a connection and puts them back: with those of HTTP/2's preface it is HTTP/2. Calls
 * nothing for a connection that never says enough.
 */
export function onFirstBytes(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let head = Buffer.alloc(0);
  const cut = (): void => {
    socket.destroy();
  };
  const look = (): void => {
    const more = socket.read() as Buffer | null;
    if (more === null) return;
    head = Buffer.concat([head, more]);
    const size = Math.min(head.length, preface.length);
    const isAlike = head.compare(preface, 0, size, 0, size) === 0;
    // Three bytes of a preface may be those of another word: wait for the fourth.
    if (isAlike && size < preface.length) return;
    socket.off('error', cut).off('readable', look);
    socket.unshift(head);
    decide(isAlike);
  };
  socket.on('error', cut).on('readable', look);
}
