import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
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
import { createRandom } from '../support/random.ts';
import { connectTo, testSettings } from '../support/test-app.ts';
import { differencesOf } from '../support/verified.ts';

/*
 * Planted, and seen red: a deleted policy that leaves its derived meters where they are (`dropDerivedMeters` left out).
 */
const orgId = 'restless';
const { check, extend, report, release } = DecisionService.method;
const random = createRandom();
const callers = 12;
const callsEach = 25;
let database: TestDatabase;
let apps: readonly App[];
let gateways: readonly UnaryClient[];
let store: PolicyStore;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  const settings = testSettings(database.url, { TOLLGATE_EXAMPLE: 'false' });
  apps = [await createApp(settings), await createApp(settings)];
  gateways = apps.map((app) => connectTo(app, gatewayToken));
  store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
  await putLimits(store, orgId, orgSubject, [blockLimit('cap', 'COST', 'MONTH', 1_000_000_000n)]);
});
afterAll(async () => {
  for (const gateway of gateways) gateway.close();
  for (const app of apps) await app.close();
  await database.drop();
});

const model = {
  id: 'm',
  displayName: '',
  state: 'ACTIVE' as const,
  provider: undefined,
  tierRank: undefined,
  groups: ['large'],
  defaultOutputTokens: 5n,
  contextWindow: undefined,
};

/** Declares everything that a call names, with limits that have meters of their own. */
async function declare(): Promise<void> {
  const team = { id: 'red', displayName: '', parent: undefined, state: 'ACTIVE' as const };
  const user = { id: 'alice', displayName: '', teams: ['red'], tier: undefined };
  await store.put(orgId, 'team', team, anyChange);
  await store.put(orgId, 'user', { ...user, state: 'ACTIVE' }, anyChange);
  await store.put(orgId, 'model', model, anyChange);
  const large = { targets: ['group:large'] };
  await putLimits(store, orgId, { kind: 'team', id: 'red' }, [
    blockLimit('each', 'TOKENS', 'HOUR', 1_000_000n, { for: { kind: 'MEMBER' } }),
    blockLimit('large', 'TOKENS', 'HOUR', 1_000_000n, large),
  ]);
  await putLimits(store, orgId, { kind: 'user', id: 'alice' }, [
    blockLimit('large', 'COST', 'DAY', 1_000_000n, large),
  ]);
}

const refusals: readonly string[] = ['NOT_FOUND', 'FAILED_PRECONDITION'];

async function remove(): Promise<void> {
  const deletions = [
    () => store.delete(orgId, 'user', 'alice', anyChange),
    () => store.delete(orgId, 'team', 'red', anyChange),
    () => store.delete(orgId, 'model', 'm', anyChange),
  ];
  for (const deletion of deletions) {
    // Another one may have deleted it, or the user may be there again and name the team.
    await deletion().catch((error: unknown) => {
      const isRefused = error instanceof ServiceError && refusals.includes(error.kind);
      if (!isRefused) throw error;
    });
  }
}

/** One call with all that may become of it. True if it was allowed. */
async function oneCall(requestId: string): Promise<boolean> {
  const gateway = gateways[random.between(0, 1)];
  if (gateway === undefined) throw new Error('no gateway');
  const estimate = { inputTokens: 10n, outputTokens: 5n, costNanos: 3n };
  const subjects = { user: 'alice', teams: ['red'] };
  const call = { orgId, requestId };
  const { outcome } = await gateway.call(check, { ...call, subjects, target: 'm', estimate });
  if (outcome?.decision !== Decision.ALLOW) return false;
  if (random.between(0, 1) === 0) {
    await gateway.call(extend, {
      ...call,
      sequence: 1,
      added: { outputTokens: 7n, costNanos: 2n },
    });
  }
  if (random.between(0, 4) === 0) await gateway.call(release, call);
  else {
    const usage = { inputTokens: 9n, outputTokens: BigInt(random.between(0, 20)), costNanos: 4n };
    await gateway.call(report, { ...call, usage });
  }
  return true;
}

/** An administrator's part in between: whatever another one deletes meanwhile, a change is refused as it should be. */
async function administer(): Promise<void> {
  const change = random.between(0, 1) === 0 ? remove : declare;
  await change().catch((error: unknown) => {
    // The team that a user or a policy was to name has been deleted in between.
    if (!(error instanceof ServiceError) || error.reason !== 'FIELD_INVALID') throw error;
  });
}

test('calls are settled, and meters agree with the record, while what they name is deleted and made again', async () => {
  await declare();
  const answers = await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      const allowed: boolean[] = [];
      for (let index = 0; index < callsEach; index += 1) {
        if (random.between(0, 5) === 0) await administer();
        allowed.push(await oneCall(`r${caller}-${index}`));
      }
      return allowed;
    }),
  );
  const all = answers.flat();
  // No limit is near, and whatever is deleted is unknown, which this organization allows.
  expect(all.filter(Boolean)).toHaveLength(callers * callsEach);
  expect(await differencesOf(database.pool, orgId)).toEqual([]);
  const { rows } = await database.pool.query(
    'SELECT meter_id FROM meter WHERE org_id = $1 AND in_flight <> 0',
    [orgId],
  );
  expect(rows).toEqual([]);
}, 120_000);
