import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { fromBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
} from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { answerOf, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';

const maxBytes = 4096;
let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane({ maxMessageBytes: maxBytes });
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

type Body = Uint8Array<ArrayBuffer> | string;

function send(rpc: string, body: Body | undefined, headers: Record<string, string>) {
  return fetch(`${plane.url}/tollgate.admin.v1.DirectoryService/${rpc}`, {
    method: 'POST',
    headers: { authorization: 'Bearer root', ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

const json = (text: string) => new TextEncoder().encode(text);
const gzip = (text: string) => Uint8Array.from(gzipSync(text));
const brotli = (text: string) => Uint8Array.from(brotliCompressSync(text));
const list = '{"orgId":"acme"}';
const wrong = '{"orgId":"acme","pageSize":"many"}';
const bomb = JSON.stringify({ orgId: 'acme', contains: 'x'.repeat(1_000_000) });
const cut = gzip(list).slice(0, -9);

const undecodable = ['INVALID_ARGUMENT', 'MESSAGE_UNDECODABLE', []];
const tooLarge = ['RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE', []];
const misfit = ['INVALID_ARGUMENT', 'FIELD_INVALID', ['page_size']];
const unknown = ['UNIMPLEMENTED', 'COMPRESSION_UNKNOWN', []];
const table: readonly [what: string, encoding: string, body: Body, told: unknown[]][] = [
  ['no JSON', 'identity', '{"org', undecodable],
  ['no text', 'identity', new Uint8Array([0x22, 0xff, 0x22]), undecodable],
  ['a wrong field', 'identity', wrong, misfit],
  ['a wrong field, packed', 'gzip', gzip(wrong), misfit],
  ['a wrong field, packed as brotli', 'br', brotli(wrong), misfit],
  ['no JSON, packed', 'gzip', gzip('{"org'), undecodable],
  ['no gzip', 'gzip', list, undecodable],
  ['gzip that ends early', 'gzip', cut, undecodable],
  ['no brotli', 'br', list, undecodable],
  ['a bomb', 'gzip', gzip(bomb), tooLarge],
  ['a bomb of brotli', 'br', brotli(bomb), tooLarge],
  ['too much, as it comes', 'identity', bomb, tooLarge],
  ['a compression nobody knows', 'zstd', list, unknown],
];

// Planted: without the check of compressed bodies the packed rows have no reason; without `refuse` in it,
// no line is logged.
test.each(table)(
  'a body of %s is refused by reason, logged and counted',
  async (_, encoding, body, told) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    const before = await counted();
    const response = await send('ListUsers', body, headers);
    const answer = answerOf(response.status, JSON.parse(await response.text()));
    expect([answer.code, answer.reason, answer.fields]).toEqual(told);
    const [code, error] = told;
    expect(plane.logged.at(-1)).toMatchObject({ rpc: 'ListUsers', code, error, caller: 'root' });
    const after = await counted();
    expect(after[String(code)]).toBe((before[String(code)] ?? 0) + 1);
  },
);

test('an unknown compression is answered with the supported ones', async () => {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'zstd' };
  const response = await send('ListUsers', list, headers);
  expect([response.status, response.headers.get('accept-encoding')]).toEqual([501, 'gzip,br']);
});

/** Calls so far of ListUsers, by code. */
async function counted(): Promise<Record<string, number>> {
  const text = await (await fetch(`${plane.url}/metrics`)).text();
  const line = /^tollgate_rpc_answered_total\{rpc="ListUsers",code="(\w+)"\} (\d+)$/gm;
  return Object.fromEntries(
    [...text.matchAll(line)].map(([, code, count]) => [code, Number(count)]),
  );
}

test('a request whose method or content type is none of an RPC is logged and counted', async () => {
  const before = await counted();
  const text = await send('ListUsers', list, { 'content-type': 'text/plain' });
  const put = await fetch(`${plane.url}/tollgate.admin.v1.DirectoryService/ListUsers`, {
    method: 'PUT',
  });
  expect([text.status, put.status]).toEqual([415, 405]);
  expect(plane.logged.slice(-2)).toMatchObject([
    { rpc: 'ListUsers', code: 'UNKNOWN', error: 'HTTP_415' },
    { rpc: 'ListUsers', code: 'UNKNOWN', error: 'HTTP_405' },
  ]);
  expect((await counted())['UNKNOWN']).toBe((before['UNKNOWN'] ?? 0) + 2);
});

/** A frame of gRPC. */
function frame(message: Uint8Array, flags = 0, length = message.length): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + message.length);
  bytes.set(message, 5);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, flags);
  view.setUint32(1, length);
  return bytes;
}

const frames: readonly [what: string, encoding: string, body: Body][] = [
  ['that are none', 'identity', new Uint8Array()],
  ['that are half a head', 'identity', new Uint8Array(3)],
  ['that promise more than they hold', 'identity', frame(json(list), 0, 1000)],
  ['that are packed, without a word of how', 'identity', frame(gzip(list), 1)],
  ['that are no gzip', 'gzip', frame(json(list), 1)],
  ['that are gzip of no JSON', 'gzip', frame(gzip('{'), 1)],
];

test.each(frames)('gRPC-Web frames %s are refused by reason', async (_, encoding, body) => {
  const type = 'application/grpc-web+json';
  const response = await send('ListUsers', body, {
    'content-type': type,
    'grpc-encoding': encoding,
  });
  const said = `${[...response.headers].join('\n')}\n${await response.text()}`;
  const details = /grpc-status-details-bin[:,] ?([\w+/=-]+)/.exec(said)?.[1] ?? '';
  const status = fromBinary(StatusSchema, Buffer.from(details, 'base64'));
  const [info] = status.details;
  expect(status.code).toBe(Code.InvalidArgument);
  expect(info && anyUnpack(info, ErrorInfoSchema)?.reason).toBe('MESSAGE_UNDECODABLE');
});

const twice = '{"orgId":"acme", "org\\u0049d" : "globex"}';
const bothNames = '{"orgId":"acme","org_id":"globex"}';
const after = (bytes: Uint8Array, extra: string) => new Uint8Array([...bytes, ...json(extra)]);
const connect = 'application/json';
const [grpc, web] = ['application/grpc+json', 'application/grpc-web+json'];
const [trailing, duplicate] = ['MESSAGE_TRAILING_BYTES', 'MESSAGE_DUPLICATE_KEY'];

// Red before: two messages were undecodable, the second of two keys was obeyed in silence, and so were bytes after
// the end of brotli, or zeros after that of gzip. Without the check for keys, the six lines of a key twice are red.
test.each<[what: string, type: string, encoding: string, body: Body, reason: string]>([
  ['two messages', web, 'identity', after(frame(json(list)), '\0\0\0\0\x02{}'), trailing],
  ['two messages', grpc, 'identity', after(frame(json(list)), '\0\0\0\0\x02{}'), trailing],
  ['a byte after its frame', web, 'gzip', after(frame(gzip(list), 1), 'x'), trailing],
  ['a byte after its frame', grpc, 'gzip', after(frame(gzip(list), 1), 'x'), trailing],
  ['a zero after its gzip', connect, 'gzip', after(gzip(list), '\0'), trailing],
  ['a zero after its gzip', web, 'gzip', frame(after(gzip(list), '\0'), 1), trailing],
  ['a byte after its brotli', connect, 'br', after(brotli(list), 'x'), trailing],
  ['a byte after its brotli', grpc, 'br', frame(after(brotli(list), 'x'), 1), trailing],
  ['text after its JSON', connect, 'identity', `${list} {}`, 'MESSAGE_UNDECODABLE'],
  ['text after its JSON', connect, 'gzip', gzip(`${list} {}`), 'MESSAGE_UNDECODABLE'],
  ['a key twice', connect, 'identity', twice, duplicate],
  ['a key twice', connect, 'gzip', gzip(twice), duplicate],
  ['a key twice', connect, 'br', brotli(twice), duplicate],
  ['a key twice', web, 'identity', frame(json(twice)), duplicate],
  ['a key twice', web, 'gzip', frame(gzip(twice), 1), duplicate],
  ['a key twice', grpc, 'gzip', frame(gzip(twice), 1), duplicate],
  ['a field by both of its names', connect, 'gzip', gzip(bothNames), 'FIELD_INVALID'],
])('%s in one request of %s, %s, is refused by reason', async (_, type, encoding, body, reason) => {
  const header = type === connect ? 'content-encoding' : 'grpc-encoding';
  if (type === grpc) await sendGrpc(body, { 'content-type': type, [header]: encoding });
  else await send('ListUsers', body, { 'content-type': type, [header]: encoding });
  expect(plane.logged.at(-1)).toMatchObject({ code: 'INVALID_ARGUMENT', error: reason });
});

/** Sends over HTTP/2, without which there is no gRPC. */
async function sendGrpc(body: Body, headers: Record<string, string>): Promise<void> {
  const session = connectHttp2(plane.url);
  const path = '/tollgate.admin.v1.DirectoryService/ListUsers';
  const start = { ':method': 'POST', ':path': path, authorization: 'Bearer root' };
  const stream = session.request({ ...start, te: 'trailers', ...headers });
  stream.end(body);
  stream.resume();
  await once(stream, 'close');
  session.close();
}

test.each(['/healthz', '/metrics', '/nothing', '/tollgate.admin.v1.DirectoryService/ListUsers'])(
  '%s is kept by no cache, and its type is not guessed',
  async (path) => {
    const { headers } = await fetch(`${plane.url}${path}`, { method: 'POST' });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  },
);

const packed = { sendCompression: compressionGzip, compressMinBytes: 1 };
const transports = {
  'gRPC over HTTP/2': () => createGrpcTransport({ baseUrl: plane.url, ...packed }),
  'Connect over HTTP/1.1': () =>
    createConnectTransport({ baseUrl: plane.url, httpVersion: '1.1', ...packed }),
};

test.each(Object.entries(transports))(
  '%s may be compressed, and is refused in the same way',
  async (_name, make) => {
    const client = createClient(DirectoryService, make());
    const headers = { authorization: 'Bearer root' };
    const { users } = await client.listUsers({ orgId: 'acme' }, { headers });
    const error = await client
      .listUsers({ orgId: 'acme', pageSize: -1 }, { headers })
      .catch((cause: unknown) => ConnectError.from(cause));
    expect(users).toEqual([]);
    if (!(error instanceof ConnectError)) throw new Error('it was answered');
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'FIELD_INVALID' }]);
    expect(error.findDetails(BadRequestSchema)).toMatchObject([
      { fieldViolations: [{ field: 'page_size' }] },
    ]);
  },
);

test('a message that is far too large is answered, and its connection serves on', async () => {
  const body = '{'.padEnd(8 * 1024 * 1024);
  const answers = [1, 2, 3].map(async () => {
    const response = await send('ListUsers', body, { 'content-type': 'application/json' });
    return answerOf(response.status, JSON.parse(await response.text())).reason;
  });
  expect(await Promise.all(answers)).toEqual(Array(3).fill('MESSAGE_TOO_LARGE'));
  const { code } = await plane.call('DirectoryService/ListUsers', { orgId: 'acme' });
  expect(code).toBe('OK');
});
