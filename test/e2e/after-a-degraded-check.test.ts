import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, HoldState, LimitView } from '../../gen/tollgate/v1/outcome_pb.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import { refusal } from '../support/data-server.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { gatewayToken } from '../support/organization.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { createStrictAndLax, isServing } from '../support/store-stage.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

const { check, report, release, extend } = DecisionService.method;
const orgId = 'lax';
let database: TestDatabase;
let proxy: TcpProxy;
let server: ServerProcess;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(serverOf(database.url));
  await createStrictAndLax(database.pool);
  server = await startServerProcess(throughProxy(database.url, proxy), gatewayToken);
});

afterEach(async () => {
  await server.kill();
  await proxy.close();
  await database.drop();
});

const subjects = { user: 'alice' };
const call = (requestId: string) => ({ orgId, requestId, subjects, target: 'gpt-4o' });
const checked = (requestId: string) =>
  server.client.call(check, { ...call(requestId), estimate: { costNanos: 7n } });

/** Makes Checks while the store is away, after one that made the server know all that they read. */
async function degradedChecks(requestIds: readonly string[]) {
  await checked('before');
  proxy.blackHole();
  await expect.poll(() => isServing(server), { timeout: 10_000 }).toBe(false);
  const answers = await Promise.all(requestIds.map(checked));
  proxy.restore();
  await expect.poll(() => isServing(server), { timeout: 10_000 }).toBe(true);
  return answers;
}

async function reasonOf(failing: Promise<unknown>): Promise<string> {
  const error = await refusal(failing);
  return `${status[error.code]} ${errorDetails(error).reason}`;
}

/*
 * What the contract says at `CheckResponse.degraded`, sentence by sentence. Seen red: with HOLD_STATE_OPEN in a
 * degraded answer.
 */
test('a degraded Check holds nothing and is known to nobody; its Report is booked by itself', async () => {
  const [first] = await degradedChecks(['d1', 'd2', 'd3']);
  expect(first).toMatchObject({
    degraded: true,
    holdState: HoldState.UNSPECIFIED,
    outcome: { decision: Decision.ALLOW, heldCostNanos: 0n, limits: [], warnings: [] },
  });
  expect(first?.outcome?.expireTime).toBeUndefined();

  const known = { orgId, requestId: 'd1' };
  expect(await reasonOf(server.client.call(release, known))).toBe('NOT_FOUND CALL_NOT_FOUND');
  const more = { ...known, sequence: 1, added: { costNanos: 1n } };
  expect(await reasonOf(server.client.call(extend, more))).toBe('NOT_FOUND CALL_NOT_FOUND');

  const usage = { costNanos: 5n };
  const booked = await server.client.call(report, { ...call('d1'), usage });
  expect(booked).toMatchObject({ postPaid: true, unattributed: false, costNanos: 5n });
  const { client } = server;
  const unknown = client.call(report, { ...call('d3'), usageUnknown: true });
  expect(await reasonOf(unknown)).toBe('INVALID_ARGUMENT FIELD_INVALID');

  const again = await checked('d2');
  expect(again).toMatchObject({ degraded: false, replayed: false, holdState: HoldState.OPEN });
}, 60_000);

// Seen red: with `limit_view` in the content of a Check.
test('a repeat may ask for another view of the limits', async () => {
  expect((await checked('v1')).outcome?.limits).toEqual([]);
  const again = await server.client.call(check, {
    ...call('v1'),
    estimate: { costNanos: 7n },
    limitView: LimitView.ALL,
  });
  expect(again).toMatchObject({ replayed: true, outcome: { limits: [{ name: 'cap' }] } });
});
