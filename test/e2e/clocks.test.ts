import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { durationFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
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
import { databaseNow, giveSteppedClock, steppedWallClock } from '../support/stepped-clock.ts';
import { differencesOf } from '../support/verified.ts';

const { method } = DecisionService;
const tenMinutesMs = 600_000;
const orgIds = ['busy', 'calm', 'fresh'];
let database: TestDatabase;
let folder: string;
let servers: ServerProcess[];
let stepDatabase: (stepMs: number) => Promise<void>;

beforeEach(async () => {
  database = await createTestDatabase();
  stepDatabase = await giveSteppedClock(database.pool);
  folder = await mkdtemp(join(tmpdir(), 'tollgate-clocks-'));
  await createGateway(database.pool);
  const store = policyStoreOf(database.pool, Date.now);
  for (const orgId of orgIds) {
    await store.createOrganization(plainOrganization(orgId), anyChange);
    const limits = windows.map((window) => blockLimit(window, 'COST', window, 1_000_000n));
    await putLimits(store, orgId, orgSubject, limits);
  }
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
  await rm(folder, { recursive: true });
});

function clockFile(index: number): string {
  return join(folder, `offset-${index}`);
}

/** Starts replicas whose wall clocks are off by so many milliseconds, and can be stepped. */
async function startReplicas(...offsetsMs: readonly number[]): Promise<void> {
  servers = await Promise.all(
    offsetsMs.map(async (offsetMs, index) => {
      await writeFile(clockFile(index), String(offsetMs));
      return startServerProcess(database.url, gatewayToken, {
        NODE_OPTIONS: steppedWallClock(clockFile(index)),
        TOLLGATE_EXPIRY_INTERVAL: '100ms',
      });
    }),
  );
}

async function stepWallClocks(offsetsMs: readonly number[]): Promise<void> {
  for (const [index, offsetMs] of offsetsMs.entries()) {
    await writeFile(clockFile(index), String(offsetMs));
    servers[index]?.signal('SIGUSR2');
  }
}

interface Decided {
  readonly decidedAtMs: number;
  readonly limits: readonly { limit: string; used: bigint; held: bigint; resetsAtMs: number }[];
}

async function check(server: ServerProcess | undefined, orgId: string, ttlMs = 300_000) {
  const answer = await server?.client.call(method.check, {
    orgId,
    requestId: randomUUID(),
    target: 'gpt-4o',
    ttl: durationFromMs(ttlMs),
    estimate: { costNanos: 7n },
    limitView: LimitView.ALL,
  });
  const { decideTime, limits = [] } = answer?.outcome ?? {};
  const decided: Decided = {
    decidedAtMs: decideTime ? timestampMs(decideTime) : 0,
    limits: limits.map(({ limit, used, held, resetTime }) => {
      return { limit, used, held, resetsAtMs: resetTime ? timestampMs(resetTime) : Infinity };
    }),
  };
  return { requestId: answer?.requestId ?? '', ...decided };
}

/** Checks on every replica in turn, and that each is decided at the database's time. */
async function checkInTime(orgId: string, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const beforeMs = await databaseNow(database.pool);
    const { decidedAtMs } = await check(servers[number % servers.length], orgId);
    expect(decidedAtMs).toBeGreaterThanOrEqual(beforeMs - 1000);
    expect(decidedAtMs).toBeLessThanOrEqual((await databaseNow(database.pool)) + 1000);
  }
}

/** Many at once, on all replicas, while something else happens. */
function load(orgId: string): Promise<readonly Decided[]> {
  return Promise.all(
    Array.from({ length: 200 }, (_, number) => check(servers[number % servers.length], orgId)),
  );
}

async function stateOf(requestId: string): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ state: string }>(
    'SELECT state FROM call WHERE request_id = $1',
    [requestId],
  );
  return rows[0]?.state;
}

/** Resolves when every replica has swept after now: holds of a short life, one of each, have ended. */
async function sweptByAll(): Promise<void> {
  const short = await Promise.all(servers.map((server) => check(server, 'busy', 1000)));
  await vi.waitFor(
    async () => {
      for (const { requestId } of short) expect(await stateOf(requestId)).toBe('EXPIRED');
    },
    { timeout: 20_000, interval: 50 },
  );
}

async function expectBooksInOrder(): Promise<void> {
  for (const orgId of orgIds) expect(await differencesOf(database.pool, orgId)).toEqual([]);
}

const lengths = { TEN_SECONDS: 10_000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

/*
 * Planted once, and seen red: a process that asks the database for its time only in its first batch. Its
 * first Check then rolled every short window five minutes ahead, and the other process followed.
 */
test('two processes whose clocks are five minutes apart count in the same windows, by the database', async () => {
  await startReplicas(0, 300_000);
  const asks = new Map<string, bigint>();
  // The process that is ahead is asked first, before it has had any other call.
  for (const server of [...servers, ...servers, ...servers].toReversed()) {
    const beforeMs = await databaseNow(database.pool);
    const { decidedAtMs, limits } = await check(server, 'busy');
    expect(decidedAtMs).toBeGreaterThan(beforeMs - 500);
    expect(decidedAtMs).toBeLessThan((await databaseNow(database.pool)) + 500);
    expect(limits).toHaveLength(windows.length);
    for (const { limit, used, held, resetsAtMs } of limits) {
      const window = `${limit} until ${resetsAtMs}`;
      expect([window, used + held]).toEqual([window, asks.get(window) ?? 0n]);
      asks.set(window, used + held + 7n);
    }
    for (const [name, lengthMs] of Object.entries(lengths)) {
      const endMs = (Math.floor(decidedAtMs / lengthMs) + 1) * lengthMs;
      expect(asks.has(`org/${name} until ${endMs}`)).toBe(true);
    }
  }
  await expectBooksInOrder();
});

/*
 * Red on the code before: with an idle replica stepped by ten minutes, one Check was decided ten minutes
 * ahead, the holds of the other organization expired, and time stayed ahead on both replicas.
 */
test('steps of the wall clocks of one or both replicas, idle or loaded, change no time and end no hold', async () => {
  await startReplicas(0, 0);
  const hold = await check(servers[0], 'calm');
  for (const offsetsMs of [
    [tenMinutesMs, 0],
    [tenMinutesMs, tenMinutesMs],
    [-tenMinutesMs, tenMinutesMs],
    [0, -tenMinutesMs],
  ]) {
    await stepWallClocks(offsetsMs);
    await checkInTime('busy', 4);
    const [beforeMs, loaded] = [await databaseNow(database.pool), load('busy')];
    await stepWallClocks(offsetsMs.map((offsetMs) => -offsetMs));
    for (const { decidedAtMs } of await loaded) {
      expect(decidedAtMs).toBeGreaterThanOrEqual(beforeMs - 1000);
      expect(decidedAtMs).toBeLessThanOrEqual((await databaseNow(database.pool)) + 1000);
    }
  }
  await sweptByAll();
  expect(await stateOf(hold.requestId)).toBe('OPEN');
  await expectBooksInOrder();
});

/*
 * Red on the code before: after the step back `fresh` was decided ten minutes ahead too, because the windows
 * of `busy` were the least time of all.
 */
test('when the clock of the database is stepped, calls follow it, but no window of a meter is entered twice', async () => {
  await startReplicas(0, 0);
  await checkInTime('busy', 2);
  const ahead = load('busy');
  await stepDatabase(tenMinutesMs);
  expect(await ahead).toHaveLength(200);
  await checkInTime('busy', 4);
  await checkInTime('calm', 2);

  const back = load('calm');
  await stepDatabase(-tenMinutesMs);
  expect(await back).toHaveLength(200);
  const nowMs = await databaseNow(database.pool);
  for (const server of servers) {
    const { decidedAtMs } = await check(server, 'busy');
    expect(decidedAtMs % 10_000).toBe(0);
    expect(decidedAtMs).toBeGreaterThan(nowMs + tenMinutesMs - 60_000);
  }
  await checkInTime('fresh', 4);
  await expectBooksInOrder();
});
