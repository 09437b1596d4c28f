import { timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { LimitView } from '../../gen/tollgate/v1/outcome_pb.ts';
import { windows } from '../../src/core/policy.ts';
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
 * Planted once, and seen red: a process that asks the database for its time only in its first batch. Its
 * first Check then rolled every short window five minutes ahead, and the other process followed.
 */
const fiveMinutesMs = 300_000;
const orgId = 'clocks';
let database: TestDatabase;
let servers: ServerProcess[];

/** A process whose whole idea of time is off. */
function startWithClock(offsetMs: number): Promise<ServerProcess> {
  const shifted = `globalThis.Date = class extends Date {
    constructor(...given) { if (given.length > 0) super(...given); else super(Date.now()); }
    static now() { return super.now() + ${offsetMs}; }
  };`;
  const module = `data:text/javascript,${encodeURIComponent(shifted)}`;
  return startServerProcess(database.url, gatewayToken, { NODE_OPTIONS: `--import ${module}` });
}

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
  const limits = windows.map((window) => blockLimit(window, 'COST', window, 1_000_000n));
  await putLimits(store, orgId, orgSubject, limits);
  servers = await Promise.all([startWithClock(0), startWithClock(fiveMinutesMs)]);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

async function databaseNowMs(): Promise<number> {
  const { rows } = await database.pool.query<{ now: string }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
  );
  return Number(rows[0]?.now);
}

const lengths = { TEN_SECONDS: 10_000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

test('two processes whose clocks are five minutes apart count in the same windows, by the database', async () => {
  const asks = new Map<string, bigint>();
  // The process that is ahead is asked first, before it has had any other call.
  for (const server of [...servers, ...servers, ...servers].toReversed()) {
    const beforeMs = await databaseNowMs();
    const { outcome } = await server.client.call(DecisionService.method.check, {
      orgId,
      target: 'gpt-4o',
      estimate: { costNanos: 7n },
      limitView: LimitView.ALL,
    });
    const decidedAtMs = outcome?.decidedAt ? timestampMs(outcome.decidedAt) : 0;
    expect(decidedAtMs).toBeGreaterThan(beforeMs - 500);
    expect(decidedAtMs).toBeLessThan((await databaseNowMs()) + 500);
    expect(outcome?.limits).toHaveLength(windows.length);
    for (const { limit, used, held, resetsAt } of outcome?.limits ?? []) {
      const window = `${limit} until ${resetsAt && timestampMs(resetsAt)}`;
      expect([window, used + held]).toEqual([window, asks.get(window) ?? 0n]);
      asks.set(window, used + held + 7n);
    }
    for (const [name, lengthMs] of Object.entries(lengths)) {
      const endMs = (Math.floor(decidedAtMs / lengthMs) + 1) * lengthMs;
      expect(asks.has(`org/${name} until ${endMs}`)).toBe(true);
    }
  }
  expect(await differencesOf(database.pool, orgId)).toEqual([]);
});
