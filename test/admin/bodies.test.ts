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
const bomb = JSON.stringify({ orgId: 'acme', filter: 'x'.repeat(1_000_000) });
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

// Planted: without the check of compressed bodies the packed rows bear no reason; without `refuse` in it,
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

test('a compression that nobody knows is answered with those that are known', async () => {
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

// Red before: both were undecodable, or the second of two keys was obeyed in silence.
test.each([
  ['two messages', 'application/grpc-web+json', 'MESSAGE_TRAILING_BYTES'],
  ['a key twice', 'application/json', 'MESSAGE_DUPLICATE_KEY'],
  ['a field by both of its names', 'application/json', 'FIELD_INVALID'],
])('%s in one request are refused by reason', async (what, type, reason) => {
  const bodies: Readonly<Record<string, Body>> = {
    'two messages': new Uint8Array([...frame(json(list)), ...frame(json(list))]),
    'a key twice': '{"orgId":"acme", "org\\u0049d" : "globex"}',
    'a field by both of its names': '{"orgId":"acme","org_id":"globex"}',
  };
  await send('ListUsers', bodies[what], { 'content-type': type });
  expect(plane.logged.at(-1)).toMatchObject({ code: 'INVALID_ARGUMENT', error: reason });
});

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
  '%s may be packed, and is refused alike',
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
