import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { refusal, startTestServer, stubDataPlane } from '../support/data-server.ts';

const { method } = DecisionService;
const release = { orgId: 'acme', requestId: 'r1' };

test('closing finishes what is in flight and refuses what comes after', async () => {
  const arrived = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  const dataPlane = stubDataPlane({
    async release(input) {
      arrived.resolve();
      await proceed.promise;
      return { orgId: 'acme', requestId: input.requestId, replayed: false };
    },
  });
  await using served = await startTestServer({ dataPlane });
  const inFlight = served.client.call(method.release, release);
  await arrived.promise;
  const closed = served.server.close(5000);
  const after = await refusal(served.client.call(method.release, release));
  proceed.resolve();
  await expect(inFlight).resolves.toMatchObject({ requestId: 'r1' });
  await closed;
  expect(status[after.code]).toBe('UNAVAILABLE');
});

test('what is still in flight at the deadline is cut, so that closing ends', async () => {
  const arrived = Promise.withResolvers<void>();
  const dataPlane = stubDataPlane({
    release() {
      arrived.resolve();
      return new Promise(() => undefined);
    },
  });
  await using served = await startTestServer({ dataPlane, rpcTimeoutMs: 60_000 });
  const inFlight = refusal(served.client.call(method.release, release));
  await arrived.promise;
  await served.server.close(20);
  const error = await inFlight;
  expect(['UNAVAILABLE', 'CANCELLED', 'INTERNAL']).toContain(status[error.code]);
});
