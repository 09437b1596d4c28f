import { once } from 'node:events';
import { createServer } from 'node:http2';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { frame, frameFlag, frameType, clientPreface } from '../../../bench/load/frames.ts';
import { encodeHeaders, grpcStatusOf } from '../../../bench/load/headers.ts';

const headers = {
  ':method': 'POST',
  ':scheme': 'http',
  ':path': '/service/Method',
  ':authority': 'localhost',
  'x-long': 'v'.repeat(126),
};

function statusIn(block: string): number | undefined {
  const bytes = Buffer.from(block, 'hex');
  return grpcStatusOf(bytes, 0, bytes.length);
}

const hex = (text: string): string => Buffer.from(text).toString('hex');
/** A literal without indexing and with a new name, both strings as they are. */
const status = (value: string): string =>
  `000b${hex('grpc-status')}${hex(String.fromCodePoint(value.length))}${hex(value)}`;

describe('the headers of the load generator', () => {
  // Red when the length of the value was left out.
  it('are read by an HTTP/2 server as they were given', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(clientPreface());
    const flags = frameFlag.endHeaders | frameFlag.endStream;
    socket.write(frame(frameType.headers, flags, 1, encodeHeaders(headers)));
    const [, received] = (await once(server, 'stream')) as [unknown, object];
    expect(received).toMatchObject(headers);
    socket.destroy();
    server.close();
  });

  it('refuse a value whose length does not fit in one byte', () => {
    expect(() => encodeHeaders({ name: 'v'.repeat(127) })).toThrow('a header of 127 bytes');
  });
});

describe('the status in trailers', () => {
  // Seen red for: an indexed field, a change of the table size, both names of the static table, 200 bytes, the
  // Huffman code, and `nowhere`, each when the line that reads that form was taken out.
  it.each([
    ['alone', status('0'), 0],
    ['of two digits', status('16'), 16],
    ['after an indexed field', `88${status('8')}`, 8],
    ['after a change of the table size', `20${status('8')}`, 8],
    ['after a field with a name of the static table', `0f1003${hex('abc')}${status('4')}`, 4],
    ['after a field that enters the table', `4001${hex('a')}01${hex('b')}${status('4')}`, 4],
    ['after one that enters it with a name of the table', `5f03${hex('abc')}${status('4')}`, 4],
    ['after a field that never enters one', `1001${hex('a')}01${hex('b')}${status('4')}`, 4],
    ['after a value of 200 bytes', `0001${hex('a')}7f49${hex('b'.repeat(200))}${status('4')}`, 4],
    ['with its name in the Huffman code', `00889acac8b21234da8f01${hex('2')}`, 2],
    ['nowhere', `88000b${hex('grpc-statuz')}01${hex('0')}`, undefined],
  ])('is found %s', (_, block, expected) => {
    expect(statusIn(block)).toBe(expected);
  });
});
