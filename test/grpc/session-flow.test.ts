import { expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { DataPlane } from '../../src/service/data-plane.ts';
import { allowed, gateway, startTestServer, stubDataPlane } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';
import { messageBytes, openSession } from '../support/session.ts';
import type { Operation, TestSession } from '../support/session.ts';

const check: Operation = { case: 'check', value: { orgId: 'acme', target: 'm' } };

const answer = {
  requestId: 'r',
  outcome: allowed,
  replayed: false,
  degraded: false,
  holdState: 'OPEN',
} as const;

/** A data plane whose Checks wait until a test lets them go, in whatever order. */
function heldChecks() {
  const held: (() => void)[] = [];
  const dataPlane = stubDataPlane({
    async check() {
      await new Promise<void>((resolve) => held.push(resolve));
      return { ...answer, orgId: 'acme' };
    },
  });
  return { held, dataPlane };
}

/** A data plane whose answers are so large that a window of HTTP/2 holds one, and how many were asked for. */
function largeAnswers(): { readonly dataPlane: DataPlane; asked: number } {
  const counted = {
    asked: 0,
    dataPlane: stubDataPlane({
      check() {
        counted.asked += 1;
        return Promise.resolve({ ...answer, orgId: 'x'.repeat(60_000) });
      },
    }),
  };
  return counted;
}

/** Writes messages for as long as the network takes them, until the stream has ended or all are written. */
async function pour(session: TestSession, count: number): Promise<number> {
  const ended = session.end.then(() => 'ended' as const);
  for (let sent = 1; sent <= count; sent += 1) {
    if (session.send(messageBytes(`c${sent}`.padEnd(128, '-'), check))) continue;
    if ((await Promise.race([ended, session.drained()])) === 'ended') return sent;
  }
  return count;
}

/** The log line of the stream itself, once it has ended. */
async function streamLine(served: TestServer): Promise<Record<string, unknown> | undefined> {
  const found = () => served.logged.find((line) => line['rpc'] === 'Session');
  await expect.poll(found, { timeout: 5000 }).toBeDefined();
  return found();
}

// Planted: without the pause at the limit, all messages are under way at once: red.
test('no more messages are read than may be under way; each answer lets one in', async () => {
  const { held, dataPlane } = heldChecks();
  await using served = await startTestServer({ dataPlane, sessionMessages: 3 });
  using session = openSession(served.address);
  for (const id of ['a', 'b', 'c', 'd', 'e']) session.send(messageBytes(id, check));
  await expect.poll(() => held.length).toBe(3);
  // A call of its own, sent later, is answered: the server has had its chance to read more.
  await served.client.call(DecisionService.method.release, { orgId: 'acme', requestId: 'r' });
  expect(held).toHaveLength(3);
  held[1]?.();
  await expect.poll(() => held.length).toBe(4);
  expect(session.order).toEqual(['b']);
});

// Planted: without the pause at the limit, thousands are answered into memory; without the stall timer, the
// stream never ends; with all answers handed to grpc-js at once, none is dropped. Red, all three.
test('a reader who takes no answers is pushed back, then cut, and little is kept for it', async () => {
  const large = largeAnswers();
  const limits = { sessionMessages: 8, sessionStallMs: 100 };
  await using served = await startTestServer({ dataPlane: large.dataPlane, ...limits });
  using session = openSession(served.address);
  await session.admitted;
  session.pause();
  const poured = pour(session, 100_000);
  const line = await streamLine(served);
  const { asked } = large;
  session.resume();
  const end = await session.end;
  const sent = await poured;
  expect(end).toEqual(['RESOURCE_EXHAUSTED', 'ANSWERS_NOT_TAKEN']);
  expect(line).toMatchObject({ code: 'RESOURCE_EXHAUSTED', messages: asked });
  // All that the server kept, save the answer that the network had in part: dropped when it was cut.
  expect(asked - session.order.length).toBe(limits.sessionMessages - 1);
  expect(sent).toBeGreaterThan(10 * asked);
  expect(sent).toBeLessThan(100_000);
});

test('a slow reader who reads on in time is answered whole, and its neighbour never waits', async () => {
  const large = largeAnswers();
  await using served = await startTestServer({ dataPlane: large.dataPlane, sessionMessages: 8 });
  using slow = openSession(served.address);
  await slow.admitted;
  slow.pause();
  const poured = pour(slow, 200);
  await expect.poll(() => large.asked).toBeGreaterThanOrEqual(8);
  using quick = openSession(served.address);
  expect(await quick.ask('q', check)).toMatchObject({ case: 'check' });
  expect(large.asked).toBeLessThan(100);
  slow.resume();
  await poured;
  slow.closeHalf();
  expect(await slow.end).toEqual(['OK', undefined]);
  expect(slow.order).toHaveLength(200);
});

test('after the client has closed its half, what is outstanding is answered, then the end is OK', async () => {
  const { held, dataPlane } = heldChecks();
  await using served = await startTestServer({ dataPlane, sessionMessages: 3 });
  using session = openSession(served.address);
  for (const id of ['a', 'b', 'c', 'd']) session.send(messageBytes(id, check));
  session.closeHalf();
  await expect.poll(() => held.length).toBe(3);
  for (const go of held.splice(0).toReversed()) go();
  await expect.poll(() => held.length).toBe(1);
  held[0]?.();
  expect(await session.end).toEqual(['OK', undefined]);
  expect(session.order).toEqual(['c', 'b', 'a', 'd']);
});

test('a stream that closes its half without a message ends with OK', async () => {
  await using served = await startTestServer();
  using session = openSession(served.address);
  session.closeHalf();
  expect(await session.end).toEqual(['OK', undefined]);
});

// Planted: without `endSessions` in `close`, the stream lives until the deadline of the drain cuts it: red.
test('a server that is stopped reads no more, answers what it has read, and says why it ends', async () => {
  const { held, dataPlane } = heldChecks();
  await using served = await startTestServer({ dataPlane, sessionMessages: 2 });
  using busy = openSession(served.address);
  using idle = openSession(served.address);
  await idle.admitted;
  for (const id of ['a', 'b', 'c']) busy.send(messageBytes(id, check));
  await expect.poll(() => held.length).toBe(2);
  const closed = served.server.close(60_000);
  expect(await idle.end).toEqual(['UNAVAILABLE', 'SERVER_STOPPING']);
  for (const go of held) go();
  expect(await busy.end).toEqual(['UNAVAILABLE', 'SERVER_STOPPING']);
  await closed;
  expect([busy.order, held.length]).toEqual([['a', 'b'], 2]);
});

test('a stream whose client has closed its half still ends with OK when the server is stopped', async () => {
  const { held, dataPlane } = heldChecks();
  await using served = await startTestServer({ dataPlane });
  using session = openSession(served.address);
  session.send(messageBytes('a', check));
  await expect.poll(() => held.length).toBe(1);
  session.closeHalf();
  // A call of its own, sent later, is answered: the half-close has arrived.
  await served.client.call(DecisionService.method.release, { orgId: 'acme', requestId: 'r' });
  const closed = served.server.close(60_000);
  for (const go of held) go();
  expect(await session.end).toEqual(['OK', undefined]);
  await closed;
});

test('a stream that was cancelled leaves nothing behind, and its answers go nowhere', async () => {
  const { held, dataPlane } = heldChecks();
  await using served = await startTestServer({ dataPlane });
  const session = openSession(served.address);
  session.send(messageBytes('a', check));
  await expect.poll(() => held.length).toBe(1);
  session.cancel();
  expect(await streamLine(served)).toMatchObject({ code: 'CANCELLED', messages: 1 });
  for (const go of held) go();
  await expect
    .poll(() => served.registry.metrics())
    .toContain('tollgate_rpc_in_flight{rpc="Check"} 0');
  expect(await served.registry.metrics()).toContain('tollgate_rpc_in_flight{rpc="Session"} 0');
  expect(session.order).toEqual([]);
  // Nothing is open any more, so closing need not wait for its deadline.
  await served.server.close(60_000);
});

test('a message that is too large for the server ends its stream alone', async () => {
  await using served = await startTestServer({ maxMessageBytes: 1024 });
  using session = openSession(served.address);
  session.send(messageBytes('a', { case: 'check', value: { target: 'x'.repeat(2000) } }));
  expect((await session.end)[0]).toBe('RESOURCE_EXHAUSTED');
  using another = openSession(served.address);
  expect(await another.ask('a', check)).toMatchObject({ case: 'check' });
});

// Planted: without the look at `isStopping`, the stream is served by a server that is waiting to end: red.
test('a stream that is accepted while the server stops is refused', async () => {
  const lookedUp = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const access = {
    async authenticate() {
      arrived.resolve();
      await lookedUp.promise;
      return gateway;
    },
    identify: () => undefined,
  };
  await using served = await startTestServer({ access });
  using session = openSession(served.address);
  await arrived.promise;
  const closed = served.server.close(60_000);
  lookedUp.resolve();
  expect(await session.end).toEqual(['UNAVAILABLE', 'SERVER_STOPPING']);
  await closed;
});
