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
import { differencesOf } from '../support/verified.ts';

/*
 * Planted once, and seen red: the decision made on totals that were read before the lock (`readTotals` in
 * place of the rows that `apply-deltas` returns). The first then admitted 15, the second 20.
 */
let database: TestDatabase;
let servers: ServerProcess[];

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  servers = await Promise.all([
    startServerProcess(database.url, gatewayToken),
    startServerProcess(database.url, gatewayToken),
  ]);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

/** Sends `count` Checks from 64 callers, turn by turn to both processes; how many were allowed. */
async function allowedOf(
  count: number,
  call: (number: number) => { orgId: string; subjects: { user: string; teams?: string[] } },
): Promise<number> {
  let next = 0;
  let allowed = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const server = servers[number % servers.length];
      const answer = await server?.client.call(DecisionService.method.check, {
        ...call(number),
        requestId: `r${number}`,
        target: 'gpt-4o',
        estimate: { costNanos: 7n },
      });
      if (answer?.outcome?.decision === Decision.ALLOW) allowed += 1;
    }
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  return allowed;
}

const nowMs = (): number => Date.now();

test('of 200 Checks of 7 from 64 callers on 2 processes, a budget of 100 admits exactly 14', async () => {
  const store = policyStoreOf(database.pool, nowMs);
  await store.createOrganization(plainOrganization('one'), anyChange);
  await putLimits(store, 'one', orgSubject, [blockLimit('cap', 'COST', 'MONTH', 100n)]);
  const allowed = await allowedOf(200, () => ({ orgId: 'one', subjects: { user: 'alice' } }));
  expect(allowed).toBe(14);
  expect(await differencesOf(database.pool, 'one')).toEqual([]);
});

test('three stacked limits over shared parents admit exactly what the tightest leaves', async () => {
  const store = policyStoreOf(database.pool, nowMs);
  await store.createOrganization(plainOrganization('three'), anyChange);
  for (const id of ['red', 'blue']) {
    const team = { id, displayName: '', parent: undefined, state: 'ACTIVE' as const };
    await store.put('three', 'team', team, anyChange);
    await putLimits(store, 'three', { kind: 'team', id }, [blockLimit('cap', 'COST', 'DAY', 70n)]);
  }
  await putLimits(store, 'three', orgSubject, [
    blockLimit('cap', 'COST', 'MONTH', 100n),
    blockLimit('each', 'COST', 'DAY', 63n, { for: { kind: 'USER' } }),
  ]);
  const allowed = await allowedOf(200, (number) => ({
    orgId: 'three',
    subjects: { user: `user-${number % 4}`, teams: [number % 2 === 0 ? 'red' : 'blue'] },
  }));
  expect(allowed).toBe(14);
  expect(await differencesOf(database.pool, 'three')).toEqual([]);
  const { rows } = await database.pool.query<{ held: string }>(
    `SELECT day_held_cost::text AS held FROM meter WHERE org_id = 'three' AND meter_id LIKE 'team:%'`,
  );
  const held = rows.map((row) => Number(row.held));
  expect(held.reduce((sum, each) => sum + each, 0)).toBe(98);
  expect(Math.max(...held)).toBeLessThanOrEqual(70);
});
