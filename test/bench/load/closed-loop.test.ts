import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CheckRequestSchema, CheckResponseSchema } from '../../../gen/tollgate/v1/decision_pb.ts';
import type { CheckRequest, CheckResponse } from '../../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../../gen/tollgate/v1/outcome_pb.ts';
import { startClosedLoop } from '../../../bench/load/closed-loop.ts';
import type { ClosedLoop } from '../../../bench/load/closed-loop.ts';

type Server = ReturnType<typeof createServer>;

let server: Server;
let loop: ClosedLoop | undefined;
let answer: (request: CheckRequest, stream: ServerHttp2Stream) => void;
let seen: CheckRequest[];
let cut: () => void;

beforeEach(async () => {
  seen = [];
  server = createServer();
  // A connection is a socket below HTTP/2, which says no farewell.
  server.on('connection', (socket: Socket) => (cut = () => void socket.resetAndDestroy()));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      const request = fromBinary(CheckRequestSchema, Buffer.concat(parts).subarray(5));
      seen.push(request);
      answer(request, stream);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  loop?.close();
  await new Promise((resolve) => server.close(resolve));
});

function startLoop(): ClosedLoop {
  const { port } = server.address() as AddressInfo;
  const order = { port, token: 'tg_gateway_x', kind: 'check', orgIds: ['a', 'b'] } as const;
  return (loop = startClosedLoop({ ...order, inFlight: 8, warmSeconds: 0, seconds: 0 }));
}

/** The right answer, or one that differs. */
function answerTo(request: CheckRequest, differing: Partial<CheckResponse> = {}): Buffer {
  const { orgId, requestId } = request;
  const outcome = { decision: Decision.ALLOW, heldCostNanos: 7_500_000n };
  const message = toBinary(
    CheckResponseSchema,
    create(CheckResponseSchema, { orgId, requestId, outcome, ...differing } as CheckResponse),
  );
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function respond(stream: ServerHttp2Stream, parts: readonly Buffer[], status = '0'): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  for (const part of parts) stream.write(part);
  stream.end();
}

async function callsAreSeen(count: number): Promise<void> {
  while (seen.length < count) await once(server, 'stream');
}

// Red when a call's number or user was not written into its frames.
it('calls again as soon as it is answered, each time with another id and user', async () => {
  answer = (request, stream) => respond(stream, [answerTo(request)]);
  const running = startLoop();
  running.measure();
  await callsAreSeen(500);
  const result = running.stop();
  await running.drained;
  // Each of the eight callers had one under way.
  expect(result.answered).toBe(result.sent - 8);
  expect(result.sent).toBe(seen.length);
  expect(new Set(seen.map(({ requestId }) => requestId)).size).toBe(seen.length);
  expect(new Set(seen.map(({ subjects }) => subjects?.user)).size).toBe(
    Math.min(1000, seen.length),
  );
  expect(new Set(seen.map(({ orgId }) => orgId))).toEqual(new Set(['a', 'b']));
});

// Red when a message had to come in one frame, and when the rest of a read was not kept for the next.
it('reads messages that come in pieces, and larger than a frame', async () => {
  answer = (request, stream) => {
    const bytes = answerTo(request, { orgId: 'o'.repeat(40_000) });
    respond(stream, [bytes.subarray(0, 3), bytes.subarray(3, 30_000), bytes.subarray(30_000)]);
  };
  const running = startLoop();
  await callsAreSeen(50);
  running.stop();
  await running.drained;
});

// Each was red when its check was taken out of answer-checks.ts, closed-loop.ts or connection.ts.
const wrong: [string, (request: CheckRequest, stream: ServerHttp2Stream) => void, string][] = [
  [
    'a decision that is not the expected',
    (request, stream) => {
      const outcome = { decision: Decision.DENY } as CheckResponse['outcome'];
      respond(stream, [answerTo(request, { outcome })]);
    },
    'answered DECISION_DENY, not DECISION_ALLOW',
  ],
  [
    'no outcome',
    (request, stream) => respond(stream, [answerTo(request, { outcome: undefined })]),
    'answered DECISION_UNSPECIFIED, not DECISION_ALLOW',
  ],
  [
    'the answer of another call',
    (request, stream) => {
      const requestId = (request.requestId ?? '').replace(/\d{9}$/, '999999999');
      respond(stream, [answerTo(request, { requestId })]);
    },
    'has the id of call 999999999',
  ],
  [
    'an answer without an id',
    (request, stream) => respond(stream, [answerTo(request, { requestId: '' })]),
    'has the id of call',
  ],
  [
    'a degraded answer',
    (request, stream) => respond(stream, [answerTo(request, { degraded: true })]),
    'is degraded',
  ],
  [
    'a replay',
    (request, stream) => respond(stream, [answerTo(request, { replayed: true })]),
    'is a replay',
  ],
  [
    'another status',
    (request, stream) => respond(stream, [answerTo(request)], '8'),
    'gRPC status 8',
  ],
  ['no message', (_, stream) => respond(stream, []), 'a call ended without an answer'],
  [
    'half a message',
    (request, stream) => respond(stream, [answerTo(request).subarray(0, 20)]),
    'a call ended without an answer',
  ],
  ['a reset', (_, stream) => stream.close(2), 'was reset with code 2'],
  ['a farewell', (_, stream) => stream.session?.goaway(1), 'goes away with code 1'],
  ['a cut connection', () => cut(), 'ECONNRESET'],
];

it.each(wrong)('fails on %s', async (_, wrongly, message) => {
  answer = wrongly;
  await expect(startLoop().drained).rejects.toThrow(message);
});
