import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { platformId } from '../../src/policies/policy-store.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { model } from '../policies/builders.ts';
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
 * Planted, and seen red each: the platform's epoch left out of `agree-on-epochs` (calls with limits far away, which are
 * written first), the comparison of epochs in the walk (`walkOne`), out of the reader of newest epochs (ListTargets), and
 * out of `read-meters` (Explain).
 */
const rounds = 300;
const [far, near] = ['far', 'near'];
let database: TestDatabase;
let servers: readonly ServerProcess[];

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  const settings = { TOLLGATE_POLICY_WATCH: 'false' };
  servers = await Promise.all(
    [0, 1].map(() => startServerProcess(database.url, gatewayToken, settings)),
  );
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

test('after a change of the platform returns, the next Check of every organization on processes that hear no notices obeys it', async () => {
  const store = policyStoreOf(database.pool, Date.now);
  for (const orgId of [far, near])
    await store.createOrganization(plainOrganization(orgId), anyChange);
  await putLimits(store, far, orgSubject, [blockLimit('cap', 'REQUESTS', 'MONTH', 1_000_000n)]);
  await putLimits(store, near, orgSubject, [blockLimit('cap', 'CONCURRENCY', undefined, 1n)]);
  // One after another: of `near` one call may be under way. In a round the same is asked of all, so that it is the
  // first on each process that could know of the change.
  const answers = async (round: number): Promise<readonly boolean[]> => {
    const ask = [isAllowed, isExplained, isListed][round % 3] ?? isAllowed;
    const found: boolean[] = [];
    for (const server of servers) {
      for (const orgId of [far, near]) found.push(await ask(orgId, server));
    }
    return found;
  };
  const put = (state: 'ACTIVE' | 'DISABLED') =>
    store.put(platformId, 'model', model('m', { state }), anyChange);
  const epochs = async (): Promise<unknown> => {
    const text = "SELECT org_id, epoch FROM org WHERE org_id <> '' ORDER BY org_id";
    return (await database.pool.query(text)).rows;
  };
  await put('ACTIVE');
  for (const kind of [0, 1, 2]) expect(await answers(kind)).toEqual(Array(4).fill(true));
  const before = await epochs();
  for (let round = 0; round < rounds; round += 1) {
    const isOff = round % 2 === 0;
    await put(isOff ? 'DISABLED' : 'ACTIVE');
    expect([round, ...(await answers(round))]).toEqual([round, ...Array<boolean>(4).fill(!isOff)]);
  }
  // No row of an organization is touched by it.
  expect(await epochs()).toEqual(before);
}, 120_000);

async function isAllowed(orgId: string, { client }: ServerProcess): Promise<boolean> {
  const request = { orgId, target: 'm', estimate: { inputTokens: 1n } };
  const { outcome, requestId } = await client.call(DecisionService.method.check, request);
  const allowed = outcome?.decision === Decision.ALLOW;
  if (allowed) await client.call(DecisionService.method.release, { orgId, requestId });
  return allowed;
}

async function isExplained(orgId: string, { client }: ServerProcess): Promise<boolean> {
  const request = { orgId, target: 'm', estimate: { inputTokens: 1n } };
  const { outcome } = await client.call(DecisionService.method.explain, request);
  return outcome?.decision === Decision.ALLOW;
}

async function isListed(orgId: string, { client }: ServerProcess): Promise<boolean> {
  const { targets } = await client.call(DecisionService.method.listTargets, { orgId });
  return targets.some(({ name, allowed }) => name === 'm' && allowed);
}
