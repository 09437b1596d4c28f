import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { DecisionService } from '../../../gen/tollgate/v1/decision_pb.ts';
import type { Limit } from '../../../src/core/policy.ts';
import { orgSubject } from '../../../src/core/subject.ts';
import type { PolicyStore } from '../../../src/policies/policy-store.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import {
  anyChange,
  blockLimit,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from '../../support/organization.ts';
import { startServerProcess } from '../../support/server-process.ts';
import type { ServerProcess } from '../../support/server-process.ts';
import { differencesOf } from '../../support/verified.ts';

/*
 * Planted once, and seen red: a derived meter that is not filled at its birth (`fillMeters`), and one that
 * is kept although it was created by a plan that a removal had overtaken (`isOvertaken`).
 */
const { check, report } = DecisionService.method;
const orgId = 'derived';
const rounds = 12;
let database: TestDatabase;
let servers: ServerProcess[];
let store: PolicyStore;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  servers = await Promise.all([
    startServerProcess(database.url, gatewayToken),
    startServerProcess(database.url, gatewayToken, { TOLLGATE_POLICY_WATCH: 'false' }),
  ]);
  store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

const total = blockLimit('all', 'COST', 'MONTH', 1_000_000_000n);
const dear = blockLimit('dear', 'COST', 'MONTH', 1_000_000_000n, { targets: ['gpt-5'] });
const member = blockLimit('each', 'COST', 'DAY', 1_000_000_000n, {
  targets: ['gpt-5'],
  for: { kind: 'USER' },
});

/** One Check, and a Report for every other one, at either process. */
async function charge(number: number): Promise<void> {
  const client = servers[number % 2]?.client;
  const named = { orgId, requestId: `r${number}` };
  const target = number % 3 === 0 ? 'gpt-4o' : 'gpt-5';
  const subjects = { user: `user-${number % 3}` };
  await client?.call(check, { ...named, subjects, target, estimate: { costNanos: 7n } });
  if (number % 4 < 2) await client?.call(report, { ...named, usage: { costNanos: 5n } });
}

async function derivedMeters(): Promise<string[]> {
  const { rows } = await database.pool.query<{ meter_id: string }>(
    `SELECT meter_id FROM meter WHERE org_id = $1 AND meter_id LIKE '%@%' AND filled ORDER BY 1`,
    [orgId],
  );
  return rows.map((row) => row.meter_id);
}

test('a limit put, removed and put again while calls run has a meter that is exact each time', async () => {
  const load = { isOver: false };
  let next = 0;
  const caller = async (): Promise<void> => {
    while (!load.isOver) await charge(next++);
  };
  const callers = Promise.all(Array.from({ length: 16 }, caller));
  onTestFinished(() => {
    load.isOver = true;
  });
  const putAmid = async (limits: readonly Limit[]): Promise<void> => {
    const from = next;
    await expect.poll(() => next, { interval: 1, timeout: 20_000 }).toBeGreaterThan(from + 16);
    await putLimits(store, orgId, orgSubject, limits);
  };
  for (let round = 0; round < rounds; round += 1) {
    await putAmid([total, dear, member]);
    await expect.poll(derivedMeters, { interval: 5, timeout: 20_000 }).toContain('org@gpt-5');
    expect([round, await differencesOf(database.pool, orgId)]).toEqual([round, []]);
    await putAmid([total]);
    expect([round, await differencesOf(database.pool, orgId)]).toEqual([round, []]);
  }
  await putAmid([total, dear]);
  await expect.poll(derivedMeters, { interval: 5, timeout: 20_000 }).toContain('org@gpt-5');
  load.isOver = true;
  await callers;
  expect(await derivedMeters()).toEqual(['org@gpt-5']);
  expect(await differencesOf(database.pool, orgId)).toEqual([]);
});
