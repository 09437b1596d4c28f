import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CallService } from '../../gen/tollgate/admin/v1/calls_pb.ts';
import type { WatchCallsResponse } from '../../gen/tollgate/admin/v1/calls_pb.ts';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { startCallWorld } from '../support/call-world.ts';
import type { CallWorld } from '../support/call-world.ts';
import { testSettings } from '../support/test-app.ts';

let world: CallWorld;
/** Watched, while the other one decides. */
let replica: App;
beforeAll(async () => {
  world = await startCallWorld();
  replica = await startReplica();
  await world.admin('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: { subject: 'org', access: { deny: ['bad'] } },
  });
});
afterAll(async () => {
  await replica.close();
  await world.stop();
});

function startReplica(): Promise<App> {
  const settings = testSettings(world.database.url, { TOLLGATE_EXAMPLE: 'false' });
  return createApp(settings, { clock: { nowMs: () => world.clock.nowMs } });
}

const transports = {
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  'Connect JSON': (baseUrl: string) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
};

interface Watching {
  /** The request ids that were shown, in order. */
  readonly shown: string[];
  readonly messages: WatchCallsResponse[];
  /** When the stream has ended: undefined, or with what error. */
  readonly ended: Promise<ConnectError | undefined>;
  readonly stop: () => void;
}

/** Watches, from when the first message has come. */
async function watch(
  filter: object = {},
  { of = replica, secret = world.app.secrets?.admin, make = transports.gRPC } = {},
): Promise<Watching> {
  const client = createClient(CallService, make(`http://127.0.0.1:${of.adminPort}`));
  const stopping = new AbortController();
  const headers = { authorization: `Bearer ${secret}` };
  const stream = client.watchCalls(
    { orgId: 'acme', ...filter },
    { headers, signal: stopping.signal },
  );
  const [shown, messages]: [string[], WatchCallsResponse[]] = [[], []];
  const first = Promise.withResolvers<void>();
  const read = async (): Promise<ConnectError | undefined> => {
    try {
      for await (const message of stream) {
        messages.push(message);
        shown.push(...message.calls.map(({ requestId }) => requestId));
        first.resolve();
      }
      return undefined;
    } catch (cause) {
      return ConnectError.from(cause);
    } finally {
      first.resolve();
    }
  };
  const ended = read();
  await first.promise;
  return { shown, messages, ended, stop: () => stopping.abort() };
}

const patient = { timeout: 10_000, interval: 50 };

// Planted, and seen red each: calls shown that were there before; a filter of the watch left out.
test.each(Object.entries(transports))(
  'over %s, calls that another replica decides are shown once, as the filter says',
  async (name, make) => {
    await world.check(`${name} before`);
    const all = await watch({}, { make });
    const denied = await watch({ decision: Decision.DENY, subject: 'user:alice' }, { make });
    // The first look finds what was there before.
    await expect.poll(() => all.messages.length, patient).toBeGreaterThan(0);
    world.clock.nowMs += 1;
    await world.check(`${name} 1`, { subjects: { user: 'alice' } });
    await world.check(`${name} 2`, { subjects: { user: 'bob' }, target: 'bad' });
    await world.check(`${name} 3`, { subjects: { user: 'alice' }, target: 'bad' });
    await world.report(`${name} 4`, { target: 'gpt', subjects: { user: 'alice' } });
    await expect
      .poll(() => all.shown.toSorted(), patient)
      .toEqual([1, 2, 3, 4].map((n) => `${name} ${n}`));
    await expect.poll(() => denied.shown, patient).toEqual([`${name} 3`]);
    const [shown] = denied.messages.flatMap(({ calls }) => calls);
    expect(shown).toMatchObject({ user: 'alice', target: 'bad', decision: Decision.DENY });
    all.stop();
    denied.stop();
    expect((await all.ended)?.code).toBe(Code.Canceled);
  },
);

// Planted, and seen red each: what is dropped not counted; every call in the sample.
test('what is too much for a second is dropped and counted, and a sample is the same for all', async () => {
  const few = await watch({ maxCallsPerSecond: 1 });
  const [half, again] = [await watch({ samplePercent: 50 }), await watch({ samplePercent: 50 })];
  world.clock.nowMs += 1;
  const ids = Array.from({ length: 20 }, (_, index) => `many ${index}`);
  await Promise.all(ids.map((id) => world.check(id)));
  const dropped = (): number =>
    few.messages.reduce((sum, one) => sum + Number(one.droppedCount), 0);
  await expect.poll(() => few.shown.length + dropped(), patient).toBe(20);
  expect(dropped()).toBeGreaterThanOrEqual(10);
  await expect.poll(() => again.shown, patient).toEqual(half.shown);
  expect(half.shown.length).toBeGreaterThan(0);
  expect(half.shown.length).toBeLessThan(20);
  for (const one of [few, half, again]) one.stop();
});

test('a silent stream says every five seconds that it lives', async () => {
  const { messages, stop } = await watch({ subject: 'user:nobody' });
  await expect.poll(() => messages.length, patient).toBe(2);
  expect(messages.map(({ calls }) => calls.length)).toEqual([0, 0]);
  stop();
});

// Planted, and seen red: without the look at the caller's permission, the stream went on.
test('a stream ends within seconds when its secret is revoked', async () => {
  const grants = [{ role: 'ROLE_ORG_VIEWER', orgIds: ['acme'] }];
  await world.admin('AccessService/CreateAccount', { account: { id: 'watcher', grants } });
  const of = { accountId: 'watcher' };
  const created = await world.admin('AccessService/CreateAccountSecret', { accountSecret: of });
  const { id } = created['accountSecret'] as { id: string };
  const { ended } = await watch({}, { secret: String(created['secret']) });
  const revokedMs = performance.now();
  await world.admin('AccessService/RevokeAccountSecret', { ...of, id });
  const error = await ended;
  expect(error?.code).toBe(Code.Unauthenticated);
  expect(error?.findDetails(ErrorInfoSchema)[0]?.reason).toBe('ADMIN_SECRET_INVALID');
  expect(performance.now() - revokedMs).toBeLessThan(8000);
});

test('a caller has at most five streams, and one that has ended makes room', async () => {
  const five = [];
  for (let count = 0; count < 5; count += 1) five.push(await watch());
  const sixth = await watch();
  const error = await sixth.ended;
  expect(error?.code).toBe(Code.ResourceExhausted);
  expect(error?.findDetails(ErrorInfoSchema)[0]?.reason).toBe('OVERLOADED');
  for (const one of five) one.stop();
  await Promise.all(five.map((one) => one.ended));
  await expect
    .poll(async () => {
      const next = await watch();
      next.stop();
      return (await next.ended)?.code;
    }, patient)
    .toBe(Code.Canceled);
});

// Planted, and seen red: without the end of the feed, the close took its whole deadline.
test('a server that stops ends its streams and does not wait for them', async () => {
  const other = await startReplica();
  const { ended } = await watch({}, { of: other });
  const startedMs = performance.now();
  await other.close();
  expect(await ended).toBeUndefined();
  expect(performance.now() - startedMs).toBeLessThan(4000);
});

test.each([
  ['subject', { subject: 'galaxy:1' }],
  ['target', { target: 'a b' }],
  ['sample_percent', { samplePercent: 101 }],
  ['max_calls_per_second', { maxCallsPerSecond: -1 }],
  ['decision', { decision: 99 }],
  ['denial_reason', { denialReason: 99 }],
])('a wrong %s is refused by name', async (field, filter) => {
  const { ended } = await watch(filter);
  const error = await ended;
  expect(error?.code).toBe(Code.InvalidArgument);
  expect(error?.message).toContain(field);
});
