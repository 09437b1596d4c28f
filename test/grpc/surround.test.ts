import { ChannelCredentials, Client, Metadata, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, Reason, StoreContent } from '../../gen/tollgate/v1/outcome_pb.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
import {
  allowed,
  gatewaySecret,
  refusal,
  startTestServer,
  stubDataPlane,
} from '../support/data-server.ts';

const { method } = DecisionService;
const check = { orgId: 'acme', requestId: 'r1', target: 'gpt-4o' };

function bearer(value: string): { metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set('authorization', value);
  return { metadata };
}

test('a call is answered with the ids, the decision and the instants it rests on', async () => {
  await using served = await startTestServer();
  const answer = await served.client.call(method.check, check);
  expect(answer).toMatchObject({
    orgId: 'acme',
    requestId: 'r1',
    outcome: {
      decision: Decision.ALLOW,
      reason: Reason.UNSPECIFIED,
      heldCostNanos: 5n,
      decideTime: { seconds: 1n, nanos: 0 },
      expireTime: { seconds: 601n, nanos: 0 },
      obligations: { storeContent: StoreContent.METADATA },
    },
  });
});

const answered = { replayed: false, degraded: false, holdState: 'OPEN' } as const;

test('int64 numbers arrive exactly, beyond 2^53 and up to 2^63-1', async () => {
  const seen: bigint[] = [];
  const dataPlane = stubDataPlane({
    check: ({ estimate }) => {
      seen.push(estimate.input, estimate.output ?? -1n, estimate.cost ?? -1n);
      const outcome = { ...allowed, heldCost: 9_223_372_036_854_775_807n };
      const ids = { orgId: 'acme', requestId: 'r1' };
      return Promise.resolve({ ...ids, ...answered, outcome });
    },
  });
  await using served = await startTestServer({ dataPlane });
  const estimate = {
    inputTokens: 9_007_199_254_740_993n,
    outputTokens: 9_223_372_036_854_775_806n,
    costNanos: 9_223_372_036_854_775_807n,
  };
  const answer = await served.client.call(method.check, { ...check, estimate });
  expect(seen).toEqual([estimate.inputTokens, estimate.outputTokens, estimate.costNanos]);
  expect(answer.outcome?.heldCostNanos).toBe(9_223_372_036_854_775_807n);
});

test.each([
  ['no token', {}, 'SERVICE_TOKEN_MISSING'],
  ['another scheme', bearer('Basic YTpi'), 'SERVICE_TOKEN_INVALID'],
  ['no secret', bearer('Bearer'), 'SERVICE_TOKEN_INVALID'],
  ['an unknown secret', bearer('Bearer tg_gateway_other'), 'SERVICE_TOKEN_INVALID'],
  ['two secrets', bearer(`Bearer ${gatewaySecret} ${gatewaySecret}`), 'SERVICE_TOKEN_INVALID'],
])('%s is UNAUTHENTICATED', async (_name, settings, reason) => {
  await using served = await startTestServer();
  const credentials = ChannelCredentials.createInsecure();
  const client = createUnaryClient({ address: served.address, credentials });
  const error = await refusal(client.call(method.check, check, settings));
  client.close();
  expect([status[error.code], errorDetails(error).reason]).toEqual(['UNAUTHENTICATED', reason]);
});

test('bytes that are no message are INVALID_ARGUMENT, and the next call is answered', async () => {
  await using served = await startTestServer();
  const raw = new Client(served.address, ChannelCredentials.createInsecure());
  const garbage = [[0xff], [0x0a, 0x7f], [0x2a, 0x02, 0xc3, 0x28], [0x0b, 0x0b, 0x0b]];
  for (const bytes of garbage) {
    const error = await refusal(
      new Promise((resolve, reject) => {
        raw.makeUnaryRequest(
          '/tollgate.v1.DecisionService/Check',
          (message: Buffer) => message,
          (message: Buffer) => message,
          Buffer.from(bytes),
          bearer(`Bearer ${gatewaySecret}`).metadata,
          (cause, answer) => (cause === null ? resolve(answer) : reject(cause)),
        );
      }),
    );
    const told = [status[error.code], errorDetails(error).reason];
    expect(told).toEqual(['INVALID_ARGUMENT', 'MESSAGE_UNDECODABLE']);
  }
  raw.close();
  await expect(served.client.call(method.check, check)).resolves.toMatchObject({ requestId: 'r1' });
});

test('an oversized message is RESOURCE_EXHAUSTED, and the next call is answered', async () => {
  await using served = await startTestServer({ maxMessageBytes: 1024 });
  const error = await refusal(
    served.client.call(method.check, { ...check, target: 'x'.repeat(2000) }),
  );
  expect(status[error.code]).toBe('RESOURCE_EXHAUSTED');
  await expect(served.client.call(method.check, check)).resolves.toMatchObject({ requestId: 'r1' });
});

test('a failure says its reason, its fields and when to come again', async () => {
  const violations = [{ field: 'request_id', description: 'taken' }];
  const failure = new ServiceError('OVERLOADED', 'too much at once', {
    violations,
    retryAfterMs: 1500,
  });
  const dataPlane = stubDataPlane({ check: () => Promise.reject(failure) });
  await using served = await startTestServer({ dataPlane });
  const error = await refusal(served.client.call(method.check, check));
  expect([status[error.code], error.details]).toEqual(['RESOURCE_EXHAUSTED', 'too much at once']);
  const details = errorDetails(error);
  expect(details.reason).toBe('OVERLOADED');
  expect(details.retryAfterMs).toBe(1500);
  expect(details.violations).toMatchObject(violations);
});

test('an unexpected failure is INTERNAL, and only the log has its cause', async () => {
  const cause = new Error('password=hunter2 at 10.0.0.7');
  const dataPlane = stubDataPlane({ check: () => Promise.reject(cause) });
  await using served = await startTestServer({ dataPlane });
  const error = await refusal(served.client.call(method.check, check));
  expect([status[error.code], error.details]).toEqual(['INTERNAL', 'internal error']);
  expect(JSON.stringify(error)).not.toContain('hunter2');
  expect(JSON.stringify(served.logged)).toContain('hunter2');
});

test('a call that takes too long is DEADLINE_EXCEEDED by the server, whatever the client waits', async () => {
  const dataPlane = stubDataPlane({ check: () => new Promise(() => undefined) });
  await using served = await startTestServer({ dataPlane, rpcTimeoutMs: 30 });
  const error = await refusal(served.client.call(method.check, check));
  const told = [status[error.code], errorDetails(error).reason];
  expect(told).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
});

test("the use case gets the earlier of the server's and the client's deadline", async () => {
  const leftMs: number[] = [];
  const dataPlane = stubDataPlane({
    release: (input, { deadlineMs = Number.NaN }) => {
      leftMs.push(deadlineMs - performance.now());
      return Promise.resolve({ orgId: 'acme', requestId: input.requestId, replayed: false });
    },
  });
  await using served = await startTestServer({ dataPlane, rpcTimeoutMs: 5000 });
  const release = { orgId: 'acme', requestId: 'r1' };
  await served.client.call(method.release, release, {
    ...bearer(`Bearer ${gatewaySecret}`),
    timeoutMs: 1000,
  });
  await served.client.call(method.release, release);
  const [short = 0, long = 0] = leftMs;
  expect(short).toBeGreaterThan(0);
  expect(short).toBeLessThanOrEqual(1000);
  expect(long).toBeGreaterThan(1000);
  expect(long).toBeLessThanOrEqual(5000);
});

test('the log has one line a call with its ids, and never a secret', async () => {
  const denied = { ...allowed, decision: 'DENY', reasons: ['COST_EXCEEDED'] } as const;
  const ids = { orgId: 'acme', requestId: 'r1', ...answered };
  const dataPlane = stubDataPlane({ check: () => Promise.resolve({ ...ids, outcome: denied }) });
  await using served = await startTestServer({ dataPlane });
  await served.client.call(method.check, { ...check, credential: 'tg_key_deadbeef' });
  await served.client.call(method.release, { orgId: 'acme', requestId: 'r2' });
  await refusal(served.client.call(method.report, { orgId: 'acme', requestId: 'r3' }));
  expect(served.logged).toMatchObject([
    { level: 30, rpc: 'Check', code: 'OK', requestId: 'r1', caller: 'edge', decision: 'DENY' },
    { level: 20, rpc: 'Release', code: 'OK', requestId: 'r2', orgId: 'acme' },
    { level: 30, rpc: 'Report', code: 'INVALID_ARGUMENT', requestId: 'r3', error: 'FIELD_INVALID' },
  ]);
  const text = JSON.stringify(served.logged);
  expect(text).not.toContain('tg_key_deadbeef');
  expect(text).not.toContain(gatewaySecret);
});

// Seen red: the label left at false.
test('a Report that names nobody, or whose usage is not known, is counted as such, and a repeat is not', async () => {
  const stub = stubDataPlane();
  const dataPlane = stubDataPlane({
    report: async (input, context) => ({
      ...(await stub.report(input, context)),
      unattributed: input.requestId !== 'known',
      usageAssumed: input.requestId === 'known',
      replayed: input.requestId === 'again',
    }),
  });
  await using served = await startTestServer({ dataPlane });
  for (const requestId of ['nobody', 'again', 'known']) {
    await served.client.call(method.report, { orgId: 'acme', requestId, usage: {} });
  }
  const text = await served.registry.metrics();
  const plain = 'over_hold="false",late="false",unpriced="false"';
  expect(text).toContain(`{${plain},unattributed="true",usage_assumed="false"} 1`);
  expect(text).toContain(`{${plain},unattributed="false",usage_assumed="true"} 1`);
});

test('metrics count calls by code and decisions by reason, in seconds, without ids', async () => {
  await using served = await startTestServer();
  await served.client.call(method.check, check);
  await refusal(served.client.call(method.check, { ...check, target: '' }));
  await served.client.call(method.report, { orgId: 'acme', requestId: 'r1', usage: {} });
  const text = await served.registry.metrics();
  expect(text).toContain('tollgate_rpc_answered_total{rpc="Check",code="OK"} 1');
  expect(text).toContain('tollgate_rpc_answered_total{rpc="Check",code="INVALID_ARGUMENT"} 1');
  expect(text).toContain('tollgate_decisions_total{rpc="Check",decision="ALLOW",reason="NONE"} 1');
  expect(text).toContain(
    'tollgate_reports_total{over_hold="false",late="false",unpriced="false",unattributed="false",usage_assumed="false"} 1',
  );
  expect(text).toContain('tollgate_rpc_in_flight{rpc="Check"} 0');
  expect(text).not.toContain('acme');
});
