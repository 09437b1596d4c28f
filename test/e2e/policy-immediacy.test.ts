import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  blockLimit,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from '../support/organization.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';

/*
 * Planted once, and seen red: no comparison of epochs after the lock (`walkOne`). The very first round then
 * went by what the process had in its cache.
 */
const rounds = 1000;
let database: TestDatabase;
let server: ServerProcess;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  server = await startServerProcess(database.url, gatewayToken, { TOLLGATE_POLICY_WATCH: 'false' });
});

afterAll(async () => {
  await server.stop();
  await database.drop();
});

test('after a put returns, the next Check on a process that hears no notices obeys it, 1,000 times', async () => {
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization('now'), anyChange);
  const check = async (): Promise<Decision | undefined> => {
    const request = { orgId: 'now', target: 'gpt-4o', estimate: { costNanos: 1n } };
    const answer = await server.client.call(DecisionService.method.check, request);
    return answer.outcome?.decision;
  };
  // The process has the organization in its cache before the first put.
  expect(await check()).toBe(Decision.ALLOW);
  let allowed = 1n;
  for (let round = 0; round < rounds; round += 1) {
    const hasRoom = round % 2 === 1;
    const amount = hasRoom ? allowed + 1n : allowed;
    await putLimits(store, 'now', orgSubject, [blockLimit('cap', 'COST', 'MONTH', amount)]);
    const decision = await check();
    expect([round, decision]).toEqual([round, hasRoom ? Decision.ALLOW : Decision.DENY]);
    if (hasRoom) allowed += 1n;
  }
}, 120_000);

/*
 * Planted, and seen red, each by itself: named subjects with a raise left out of a delta; revoked raises kept in a snapshot;
 * no comparison of epochs after the lock.
 */
test('after a raise is created or revoked, the next Check obeys it, 100 times for all and for one user', async () => {
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization('raised'), anyChange);
  const own = blockLimit('own', 'COST', 'LIFETIME', 1n, { for: { kind: 'USER' } });
  await putLimits(store, 'raised', { kind: 'tier', id: 'pro' }, [own]);
  const subjects = { user: 'alice', tier: 'pro' };
  const check = async (): Promise<Decision | undefined> => {
    const request = { orgId: 'raised', subjects, target: 'gpt-4o', estimate: { costNanos: 1n } };
    return (await server.client.call(DecisionService.method.check, request)).outcome?.decision;
  };
  expect([await check(), await check()]).toEqual([Decision.ALLOW, Decision.DENY]);
  for (let round = 1; round <= 100; round += 1) {
    const raise = {
      id: `r${round}`,
      subject: { kind: 'tier', id: 'pro' } as const,
      limitName: 'own',
      appliesTo: round % 2 === 0 ? { kind: 'user' as const, id: 'alice' } : undefined,
      kind: 'AMOUNT' as const,
      amount: '1',
      untilMs: Date.now() + 3_600_000,
    };
    await store.createRaise('raised', raise, anyChange);
    expect([round, await check()]).toEqual([round, Decision.ALLOW]);
    await store.revokeRaise('raised', raise.id, anyChange);
    expect([round, await check()]).toEqual([round, Decision.DENY]);
  }
}, 120_000);
