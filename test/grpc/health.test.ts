import { fromBinary } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import {
  Health,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health_pb.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import { refusal, startTestServer } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';

const { method } = Health;

/** Nobody authenticates to ask after health. */
function anonymous(served: TestServer) {
  return createUnaryClient({
    address: served.address,
    credentials: ChannelCredentials.createInsecure(),
  });
}

async function* watch(served: TestServer, service: string): AsyncGenerator<number> {
  const client = new Client(served.address, ChannelCredentials.createInsecure());
  const stream = client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    (name: string) => Buffer.from([0x0a, name.length, ...Buffer.from(name)]),
    (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes).status,
    service,
  );
  try {
    for await (const state of stream) yield Number(state);
  } finally {
    stream.cancel();
    client.close();
  }
}

test.each(['', 'tollgate.v1.DecisionService'])(
  '%o is SERVING once the store answers',
  async (service) => {
    await using served = await startTestServer();
    const client = anonymous(served);
    const before = await client.call(method.check, { service });
    served.server.setServing(true);
    const after = await client.call(method.check, { service });
    client.close();
    expect([before.status, after.status]).toEqual([Serving.NOT_SERVING, Serving.SERVING]);
  },
);

test('a service that is not here is NOT_FOUND for Check and SERVICE_UNKNOWN for Watch', async () => {
  await using served = await startTestServer();
  const client = anonymous(served);
  const error = await refusal(client.call(method.check, { service: 'nobody' }));
  client.close();
  const watching = watch(served, 'nobody');
  const first = await watching.next();
  await watching.return(undefined);
  expect([status[error.code], first.value]).toEqual(['NOT_FOUND', Serving.SERVICE_UNKNOWN]);
});

test('List names every service', async () => {
  await using served = await startTestServer();
  const client = anonymous(served);
  const { statuses } = await client.call(method.list, {});
  client.close();
  expect(Object.keys(statuses).toSorted()).toEqual(['', 'tollgate.v1.DecisionService']);
});

test('Watch sends the state at once and at every change, once each, and ends with the server', async () => {
  await using served = await startTestServer();
  const watching = watch(served, 'tollgate.v1.DecisionService');
  const states = [(await watching.next()).value];
  served.server.setServing(true);
  served.server.setServing(true);
  states.push((await watching.next()).value);
  served.server.setServing(false);
  states.push((await watching.next()).value);
  await served.server.close(1000);
  const end = await watching.next();
  expect(states).toEqual([Serving.NOT_SERVING, Serving.SERVING, Serving.NOT_SERVING]);
  expect(end.done).toBe(true);
});
