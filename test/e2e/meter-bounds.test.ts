import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import type { Limit } from '../../src/core/policy.ts';
import { orgSubject } from '../../src/core/subject.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
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
import { connectTo, testSettings } from '../support/test-app.ts';
import { differencesOf } from '../support/verified.ts';

/*
 * Each seen red without its bound, as it was before: every policy is taken, and a Check is counted on as many
 * meters as its policies ask for.
 */
const { check, explain, report, release } = DecisionService.method;
const teams = Array.from({ length: 30 }, (_, number) => `team${number}`);
let database: TestDatabase;
let store: PolicyStore;
let app: App;
let client: UnaryClient;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  store = policyStoreOf(database.pool, Date.now);
  for (const orgId of ['wide', 'many']) {
    await store.createOrganization(plainOrganization(orgId), anyChange);
    for (const id of teams) {
      const team = { id, displayName: '', parent: undefined, state: 'ACTIVE' as const };
      await store.put(orgId, 'team', team, anyChange);
    }
  }
  app = await createApp(testSettings(database.url, { TOLLGATE_RPC_TIMEOUT: '20s' }));
  client = connectTo(app, gatewayToken);
});

afterAll(async () => {
  client.close();
  await app.close();
  await database.drop();
});

/** Limits that reach every team, each counting other targets. */
function forTeams(prefix: string, count: number): Limit[] {
  return Array.from({ length: count }, (_, number) =>
    blockLimit(`${prefix}${number}`, 'COST', 'MONTH', 1_000_000_000n, {
      for: { kind: 'TEAM' },
      targets: ['m', `${prefix}${number}*`],
    }),
  );
}

test('an organization has a bound on the meters that reach every subject of a kind', async () => {
  await putLimits(store, 'wide', orgSubject, forTeams('a', 32));
  await putLimits(store, 'wide', { kind: 'team', id: 'team0' }, forTeams('b', 32));
  const third = { kind: 'team', id: 'team1' } as const;
  await expect(putLimits(store, 'wide', third, forTeams('c', 1))).rejects.toMatchObject({
    kind: 'FAILED_PRECONDITION',
    reason: 'TOO_MANY_METERS',
    message: expect.stringMatching(/^policy\.limits: .*65 .*at most 64/),
  });
  // The same combination as another policy's, and what reaches one team alone, cost no new meter of the kind.
  await putLimits(store, 'wide', third, forTeams('a', 1));
  const own = blockLimit('own', 'COST', 'MONTH', 1n, { targets: ['m'] });
  await putLimits(store, 'wide', third, [own]);
  await putLimits(store, 'wide', orgSubject, forTeams('a', 31));
  await putLimits(store, 'wide', third, forTeams('c', 1));
});

test('a call that would be counted on too many meters is refused, and one that was allowed is settled', async () => {
  const call = { orgId: 'many', target: 'm', estimate: { costNanos: 5n } };
  const before = { ...call, subjects: { teams } };
  for (const requestId of ['reported', 'released']) {
    await client.call(check, { ...before, requestId });
  }
  await putLimits(store, 'many', orgSubject, forTeams('a', 20));

  const refused = { code: status.FAILED_PRECONDITION };
  await expect(client.call(check, before)).rejects.toMatchObject(refused);
  await expect(client.call(explain, before)).rejects.toMatchObject(refused);
  const usage = { costNanos: 7n };
  const postPaid = {
    orgId: 'many',
    target: 'm',
    subjects: { teams },
    requestId: 'post-paid',
    usage,
  };
  await expect(client.call(report, postPaid)).rejects.toMatchObject(refused);

  expect(await client.call(report, { orgId: 'many', requestId: 'reported', usage })).toMatchObject({
    costNanos: 7n,
  });
  await client.call(release, { orgId: 'many', requestId: 'released' });
  const fewer = { ...call, subjects: { teams: teams.slice(0, 20) } };
  expect(await client.call(check, fewer)).toMatchObject({ outcome: { heldCostNanos: 5n } });
  expect(await differencesOf(database.pool, 'many')).toEqual([]);
});
