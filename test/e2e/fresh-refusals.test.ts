import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import { key } from '../policies/builders.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
} from '../support/organization.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';

/*
 * What is refused without the ledger, on a replica that hears no notifications. All were red while refusals
 * were given from the cache: until the first other call of the organization, or for two seconds.
 */
const rounds = 30;
let database: TestDatabase;
let server: ServerProcess;
let store: PolicyStore;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization('now'), anyChange);
  server = await startServerProcess(database.url, gatewayToken, { TOLLGATE_POLICY_WATCH: 'false' });
});

afterAll(async () => {
  await server.stop();
  await database.drop();
});

const hashOf = (secret: string) => createHash('sha256').update(secret).digest();
const target = 'gpt-4o';
const estimate = { costNanos: 1n };

async function check(request: object): Promise<Decision | undefined> {
  const whole = { target, estimate, ...request };
  return (await server.client.call(DecisionService.method.check, whole)).outcome?.decision;
}

test('a key that another process created is known to the next Check, by id and by secret', async () => {
  for (let round = 0; round < rounds; round += 1) {
    const id = `key-${round}`;
    const ways = [
      { orgId: 'now', subjects: { key: id } },
      { orgId: 'now', credential: `secret-${round}` },
      { credential: `secret-${round}` },
    ];
    const decisions = () => Promise.all(ways.map(check));
    expect(await decisions()).toEqual([Decision.DENY, Decision.DENY, Decision.DENY]);
    await store.createCredential('now', key(id), hashOf(`secret-${round}`), anyChange);
    expect(await decisions()).toEqual([Decision.ALLOW, Decision.ALLOW, Decision.ALLOW]);
  }
});

test('an organization that was asked for before it existed is known to the next Check', async () => {
  for (let round = 0; round < rounds; round += 1) {
    const orgId = `org-${round}`;
    await expect(check({ orgId })).rejects.toMatchObject({ details: expect.anything() as unknown });
    await store.createOrganization(plainOrganization(orgId), anyChange);
    expect(await check({ orgId })).toBe(Decision.ALLOW);
  }
});

test('a Report without a Check is not refused for a contradiction that is no more', async () => {
  const user = { displayName: '', teams: [], tier: undefined, state: 'ACTIVE' } as const;
  for (let round = 0; round < rounds; round += 1) {
    const own = key(`own-${round}`, { user: 'ann' });
    for (const id of ['ann', 'bob']) await store.put('now', 'user', { ...user, id }, anyChange);
    await store.createCredential('now', own, hashOf(own.id), anyChange);
    const request = {
      orgId: 'now',
      requestId: `late-${round}`,
      subjects: { user: 'bob' },
      credential: own.id,
      target,
      usage: estimate,
    };
    const report = () => server.client.call(DecisionService.method.report, request);
    await expect(report()).rejects.toMatchObject({ details: expect.anything() as unknown });
    await store.put('now', 'key', { ...own, user: 'bob' }, anyChange);
    expect(await report()).toMatchObject({ requestId: `late-${round}` });
  }
});
