import { status } from '@grpc/grpc-js';
import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { post, startAdminPlane } from '../support/admin-plane.ts';
import { startTestServer } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';

const { check } = DecisionService.method;
const request = { orgId: 'acme', target: 'm' };
const wrong = new Metadata();
wrong.set('authorization', 'Bearer tg_gateway_wrong');

/** Calls at once with a wrong secret, over the connection of the client; how they ended, and how many have not yet. */
function failing({ client }: TestServer, count: number, timeoutMs = 10_000) {
  const state = { open: count };
  const ended = Array.from({ length: count }, async () => {
    try {
      await client.call(check, request, { metadata: wrong, timeoutMs });
      return 'OK';
    } catch (cause) {
      return status[(cause as GrpcError).code];
    } finally {
      state.open -= 1;
    }
  });
  return { state, codes: Promise.all(ended) };
}

// Red with a delay of every call of a slowed source, known or not.
test('on the data port a right secret is answered while wrong ones of its source wait', async () => {
  await using served = await startTestServer({ strangerCalls: 1000 });
  const { state, codes } = failing(served, 40);
  while (state.open > 30) await served.client.call(check, request);
  await served.client.call(check, request);
  expect(state.open).toBeGreaterThan(0);
  expect(new Set(await codes)).toEqual(new Set(['UNAUTHENTICATED']));
});

// Red with `countStrangerCall` for wrong secrets: their connection was cut, and with it what others do over it.
test('wrong secrets end no connection on which a caller is known, as behind a proxy', async () => {
  await using served = await startTestServer({ strangerCalls: 1 });
  await served.client.call(check, request);
  const { codes } = failing(served, 60);
  for (let call = 0; call < 20; call += 1) await served.client.call(check, request);
  expect(new Set(await codes)).toEqual(new Set(['UNAUTHENTICATED']));
  expect(
    await served.registry.getSingleMetricAsString('tollgate_connections_cut_total'),
  ).not.toMatch(/strangers"} [1-9]/);
});

// Red without the header: a client with a short deadline never learned what was wrong.
test('a client with a short deadline still learns that its secret is wrong', async () => {
  await using served = await startTestServer({ strangerCalls: 1000 });
  await failing(served, 30).codes;
  expect(await failing(served, 1, 500).codes).toEqual(['UNAUTHENTICATED']);
});

// Red with the delay before the look-up, for right secrets too.
test('on the admin port a right secret is answered while wrong ones of its source wait', async () => {
  const plane = await startAdminPlane();
  const state = { open: 40 };
  const send = async (): Promise<string | undefined> => {
    const { reason } = await post(plane.url, 'AccessService/ListAccounts', '{}', 'wrong');
    state.open -= 1;
    return reason;
  };
  const wrongs = Promise.all(Array.from({ length: 40 }, send));
  while (state.open > 30) await plane.call('AccessService/ListAccounts', {});
  const right = await plane.call('AccessService/ListAccounts', {});
  const stillOpen = state.open;
  expect(new Set(await wrongs)).toEqual(new Set(['ADMIN_SECRET_INVALID']));
  await plane.stop();
  expect(right.code).toBe('OK');
  expect(stillOpen).toBeGreaterThan(0);
});
