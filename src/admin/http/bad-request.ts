import type { Socket } from 'node:net';

const statuses: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/**
 * Answers what Node cannot read as HTTP/1.1, or what is too slow, and closes the connection: as Node does, but
 * with the headers that all answers have.
 */
export function answerBadRequest(error: Error, socket: Socket): void {
  // In the middle of another answer, these bytes would be a part of it.
  const isAnswering = '_httpMessage' in socket && socket['_httpMessage'] !== null;
  if (!socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const code = 'code' in error ? String(error.code) : '';
  const head = [
    `HTTP/1.1 ${statuses[code] ?? '400 Bad Request'}`,
    'connection: close',
    'content-length: 0',
    ...Object.entries(everyAnswer).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n`);
  socket.destroySoon();
}

/** Answers hold other people's names and budgets: no cache keeps them, and no browser guesses their type. */
export const everyAnswer: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};
