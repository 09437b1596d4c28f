import { status } from '@grpc/grpc-js';
import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js';
import { ScalarType, create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  BatchReportRequestSchema,
  CheckRequestSchema,
  DecisionService,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { gatewaySecret, startTestServer } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';
import { measureLongestTurn } from '../support/longest-turn.ts';

const maxBytes = 1024 * 1024;
let served: TestServer;
let client: Client;
beforeAll(async () => {
  served = await startTestServer({ maxMessageBytes: maxBytes, maxUnreadBytes: 64 * maxBytes });
  client = new Client(served.address, ChannelCredentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await served[Symbol.asyncDispose]();
});

/** The code that a message is answered with; of a stream, the code that ends it. */
function send(path: string, isStream: boolean, bytes: Buffer): Promise<string> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${gatewaySecret}`);
  const same = (all: Buffer): Buffer => all;
  return new Promise((resolve) => {
    const done = (error: GrpcError | null): void => resolve(status[error?.code ?? 0] ?? '');
    if (!isStream) return void client.makeUnaryRequest(path, same, same, bytes, metadata, done);
    const stream = client.makeBidiStreamRequest(path, same, same, metadata);
    stream
      .on('data', () => undefined)
      .on('error', done)
      .on('end', () => done(null));
    stream.end(bytes);
  });
}

/** Messages near the bound, of ever the same field, and what is no message. */
function* hostileMessages(desc: DescMessage): Generator<readonly [string, Buffer]> {
  const fill = (piece: Uint8Array): Buffer => {
    return Buffer.alloc(maxBytes - (maxBytes % piece.length), piece);
  };
  yield ['zeros', Buffer.alloc(maxBytes)];
  yield ['unknown fields', fill(new BinaryWriter().tag(900, WireType.Varint).uint32(1).finish())];
  for (const path of fieldPaths(desc, [])) {
    yield [`empty ${path.join('.')}`, fill(nested(path, new Uint8Array()))];
    const text = new Uint8Array(Buffer.from('ü '.repeat(maxBytes / 3 - 20)));
    yield [`long ${path.join('.')}`, Buffer.from(nested(path, text))];
    // A field within one element, again and again.
    if (path.length > 1) {
      const inner = fill(nested(path.slice(-1), new Uint8Array())).subarray(0, maxBytes - 90);
      yield [`many ${path.join('.')}`, Buffer.from(nested(path.slice(0, -1), inner))];
    }
  }
}

/** The numbers that lead to every field that has a length, three levels deep. */
function* fieldPaths(desc: DescMessage, above: readonly number[]): Generator<readonly number[]> {
  for (const field of desc.fields) {
    const path = [...above, field.number];
    if (field.fieldKind === 'scalar' && !hasLength(field.scalar)) continue;
    if (field.fieldKind === 'enum') continue;
    yield path;
    if (field.message !== undefined && path.length < 3) yield* fieldPaths(field.message, path);
  }
}

/** Other scalars take a few bytes. */
function hasLength(scalar: ScalarType): boolean {
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES;
}

function nested(path: readonly number[], content: Uint8Array): Uint8Array {
  return path.reduceRight(
    (inner, number) =>
      new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(inner).finish(),
    content,
  );
}

// Red before the parts of a message were bounded: 500,000 empty reports of one batch held the loop for 60 to 75 ms.
test.each(DecisionService.methods.map((method) => ({ rpc: method.name, method })))(
  'no message of $rpc holds the event loop',
  async ({ rpc, method }) => {
    const path = `/${DecisionService.typeName}/${rpc}`;
    for (const [what, bytes] of hostileMessages(method.input)) {
      const isStream = method.methodKind === 'bidi_streaming';
      const longest = await measureLongestTurn(
        async () => void (await send(path, isStream, bytes)),
      );
      expect(longest.cpuMs, `${rpc}: ${what}`).toBeLessThan(50);
    }
  },
);

const teams = Array.from({ length: 32 }, (_, index) => `t${index}`);
const labels = Object.fromEntries(teams.map((name) => [name, 'x']));

test('the largest legal Check and BatchReport do not hold it either', async () => {
  const subjects = { labels, teams };
  const check = create(CheckRequestSchema, { orgId: 'acme', target: 'm', subjects });
  const reports = Array.from({ length: 1000 }, (_, index) => ({
    requestId: `r${index}`,
    target: 'm',
    usage: { inputTokens: 1n },
    subjects,
  }));
  const batch = create(BatchReportRequestSchema, { orgId: 'acme', reports });
  const all = [
    ['Check', toBinary(CheckRequestSchema, check)],
    ['BatchReport', toBinary(BatchReportRequestSchema, batch)],
  ] as const;
  for (const [rpc, bytes] of all) {
    const path = `/${DecisionService.typeName}/${rpc}`;
    // Once before, so that no compilation is measured.
    await send(path, false, Buffer.from(bytes));
    const longest = await measureLongestTurn(async () => {
      expect(await send(path, false, Buffer.from(bytes))).toBe('OK');
    });
    expect(longest.cpuMs, rpc).toBeLessThan(50);
  }
});
