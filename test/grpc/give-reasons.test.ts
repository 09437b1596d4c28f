import { once } from 'node:events';
import { connect } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { CheckRequestSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import { detailsOf } from '../../src/client/error-details.ts';
import { gatewaySecret, startTestServer } from '../support/data-server.ts';
import { messageBytes, openSession } from '../support/session.ts';

const maxBytes = 1024;
const check = { orgId: 'acme', requestId: 'r1', target: 'gpt-4o' };
const tooLarge = toBinary(
  CheckRequestSchema,
  create(CheckRequestSchema, { ...check, target: 'x'.repeat(20_000) }),
);

/** A message with gRPC's header. */
function framed(bytes: Uint8Array, isCompressed = false): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(isCompressed ? 1 : 0);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** Sends a Check as it stands, and reads the code and the details of its error. */
async function send(address: string, headers: Readonly<Record<string, string>>, body: Buffer) {
  const session = connect(`http://${address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/tollgate.v1.DecisionService/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${gatewaySecret}`,
    ...headers,
  });
  stream.on('error', () => undefined);
  stream.end(body);
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  session.destroy();
  const bytes = Buffer.from(String(answer['grpc-status-details-bin']), 'base64');
  const sent = fromBinary(StatusSchema, bytes);
  expect(String(sent.code)).toBe(answer['grpc-status']);
  return { code: status[sent.code], ...detailsOf(sent) };
}

// Seen red, all of them, without `giveReasons`: grpc-js sends these without details, some as INTERNAL.
test.each([
  ['a message that is too large', {}, framed(tooLarge), 'RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE'],
  [
    'a message that is too large when it is decompressed',
    { 'grpc-encoding': 'gzip' },
    framed(gzipSync(tooLarge), true),
    'RESOURCE_EXHAUSTED',
    'MESSAGE_TOO_LARGE',
  ],
  [
    'a compression that is not known',
    { 'grpc-encoding': 'zstd' },
    framed(Buffer.from('zzz'), true),
    'UNIMPLEMENTED',
    'COMPRESSION_UNKNOWN',
  ],
  [
    'bytes that cannot be decompressed',
    { 'grpc-encoding': 'gzip' },
    framed(Buffer.from('no gzip'), true),
    'INVALID_ARGUMENT',
    'MESSAGE_UNDECODABLE',
  ],
  [
    'a timeout that is none',
    { 'grpc-timeout': 'soon' },
    framed(Buffer.alloc(0)),
    'INVALID_ARGUMENT',
    'TIMEOUT_INVALID',
  ],
])('%s is answered with a reason', async (_what, headers, body, code, reason) => {
  await using served = await startTestServer({ maxMessageBytes: maxBytes });
  const answered = await send(served.address, headers, body);
  expect(answered).toMatchObject({ code, reason, retryAfterMs: undefined });
  const { metadata } = answered;
  if (reason === 'MESSAGE_TOO_LARGE') expect(metadata).toEqual({ max_bytes: String(maxBytes) });
  if (reason === 'COMPRESSION_UNKNOWN') expect(metadata['supported']).toContain('gzip');
});

test('a compressed message that is legal is answered', async () => {
  await using served = await startTestServer({ maxMessageBytes: maxBytes });
  const legal = toBinary(CheckRequestSchema, create(CheckRequestSchema, check));
  const session = connect(`http://${served.address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/tollgate.v1.DecisionService/Check',
    'content-type': 'application/grpc',
    'grpc-encoding': 'gzip',
    authorization: `Bearer ${gatewaySecret}`,
  });
  stream.end(framed(gzipSync(legal), true));
  const [trailers] = (await once(stream.resume(), 'trailers')) as [IncomingHttpHeaders];
  session.destroy();
  expect(trailers['grpc-status']).toBe('0');
});

test('a Session that sends a message that is too large ends with the reason, after its answers', async () => {
  await using served = await startTestServer({ maxMessageBytes: maxBytes });
  using session = openSession(served.address);
  expect(await session.ask('a', { case: 'check', value: check })).toMatchObject({ case: 'check' });
  session.send(messageBytes('b', { case: 'check', value: { target: 'x'.repeat(2000) } }));
  expect(await session.end).toEqual(['RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE']);
});
