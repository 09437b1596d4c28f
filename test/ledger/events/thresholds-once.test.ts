import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../../gen/tollgate/v1/outcome_pb.ts';
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

/*
 * Planted once, and seen red: thresholds that each process remembers for itself (no `told` in the insert),
 * and events that are never folded.
 */
let database: TestDatabase;
let servers: ServerProcess[];
let store: PolicyStore;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  servers = await Promise.all([
    startServerProcess(database.url, gatewayToken),
    startServerProcess(database.url, gatewayToken),
  ]);
  store = policyStoreOf(database.pool, Date.now);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

/** Sends `count` Checks of one nano-USD at once, turn by turn to both processes; how many were refused. */
async function refusedOf(orgId: string, count: number, id = 'r'): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: count }, async (_, number) =>
      servers[number % servers.length]?.client.call(DecisionService.method.check, {
        orgId,
        requestId: `${id}${number}`,
        target: 'gpt-4o',
        estimate: { costNanos: 1n },
      }),
    ),
  );
  return answers.filter((answer) => answer?.outcome?.decision === Decision.DENY).length;
}

test('64 callers on 2 processes that cross 50 and 80 percent at once cause one event each per window', async () => {
  await store.createOrganization(plainOrganization('told'), anyChange);
  const thresholds = [50, 80];
  await putLimits(store, 'told', orgSubject, [
    blockLimit('month', 'COST', 'MONTH', 64n, { thresholds }),
    blockLimit('forever', 'REQUESTS', 'LIFETIME', 64n, { thresholds }),
  ]);
  expect(await refusedOf('told', 64)).toBe(0);
  const { rows } = await database.pool.query<{ told: string }>(
    `SELECT limit_name || ' ' || threshold || ' ' || spend || ' of ' || amount AS told
  FROM enforcement_event WHERE org_id = 'told' AND action = 'THRESHOLD' ORDER BY 1`,
  );
  expect(rows.map((row) => row.told)).toEqual([
    'org/forever 50 32 of 64',
    'org/forever 80 52 of 64',
    'org/month 50 32 of 64',
    'org/month 80 52 of 64',
  ]);
});

test('a storm of 200 refusals leaves ten rows of a second and process, one fold, and the full count', async () => {
  await store.createOrganization(plainOrganization('storm'), anyChange);
  await putLimits(store, 'storm', orgSubject, [blockLimit('cap', 'COST', 'MONTH', 0n)]);
  expect(await refusedOf('storm', 200)).toBe(200);
  const { rows } = await database.pool.query<{ rows: number; occurrences: number }>(
    `SELECT count(*)::int AS rows, sum(occurrences)::int AS occurrences FROM enforcement_event
  WHERE org_id = 'storm' AND action = 'BLOCKED' GROUP BY date_trunc('second', at)`,
  );
  expect(rows.reduce((sum, row) => sum + row.occurrences, 0)).toBe(200);
  for (const second of rows) expect(second.rows).toBeLessThanOrEqual(11 * servers.length);
  // The storm lasts for a second or two, however slow the machine: single rows would be 200.
  expect(rows.reduce((sum, row) => sum + row.rows, 0)).toBeLessThan(100);
});
