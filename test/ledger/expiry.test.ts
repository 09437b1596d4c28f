import { afterEach, beforeEach, expect, test } from 'vitest';
import { meterOf } from '../../src/core/meter.ts';
import { orgSubject } from '../../src/core/subject.ts';
import type { ClosePlanner } from '../../src/ledger/ledger.ts';
import { expiredOrganizations, openExpired } from '../../src/ledger/sql/open-expired.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { plainOrganization } from '../support/organization.ts';
import { checksOf, startReplica } from '../support/replica-ledger.ts';
import type { Replica } from '../support/replica-ledger.ts';
import { differencesOf } from '../support/verified.ts';

let database: TestDatabase;
let replicas: Replica[];

beforeEach(async () => {
  database = await createTestDatabase();
  replicas = [startReplica(database), startReplica(database)];
});

afterEach(async () => {
  await Promise.all(replicas.map(({ ledger }) => ledger.close()));
  await database.drop();
});

function replica(index: number): Replica {
  const found = replicas[index];
  if (found === undefined) throw new Error('there are two replicas');
  return found;
}

/** Holds of a minute, made now; then time moves on, past their end. */
async function makeExpired(counts: Readonly<Record<string, number>>): Promise<void> {
  for (const [orgId, count] of Object.entries(counts)) {
    const check = (await checksOf(database, orgId))({});
    const call = { input: 1n, output: 1n, cost: 3n };
    // No more at once than one organization may have waiting.
    for (let from = 0; from < count; from += 400) {
      const numbers = Array.from({ length: Math.min(400, count - from) }, (_, at) => from + at);
      await Promise.all(numbers.map((number) => check(replica(0), `${orgId}-${number}`, call)));
    }
  }
  for (const one of replicas) one.nowMs += 61_000;
}

const ended: string[] = [];
const plan: ClosePlanner = (stored) => {
  ended.push(stored.orgId);
  return {
    epoch: stored.epoch,
    calendar: plainOrganization(stored.orgId).calendar,
    meters: [meterOf(orgSubject)],
  };
};

async function openHolds(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM call WHERE state = 'OPEN'",
  );
  return rows[0]?.count ?? -1;
}

test('all holds whose time is over are ended in one pass, and no other', async () => {
  await makeExpired({ acme: 600, beta: 3 });
  const young = (await checksOf(database, 'young'))({});
  await young(replica(1), 'y', { input: 1n, output: 1n, cost: 3n });
  expect(await replica(1).ledger.expire(plan, {})).toMatchObject({ ended: 603, failed: 0 });
  expect(await openHolds()).toBe(1);
  for (const orgId of ['acme', 'beta', 'young']) {
    expect(await differencesOf(database.pool, orgId)).toEqual([]);
  }
});

/* Red on the code before: the oldest 500 of all came first. */
test('many holds of one organization keep those of another waiting for one piece at most', async () => {
  await makeExpired({ acme: 800, beta: 3 });
  ended.length = 0;
  await replica(0).ledger.expire(plan, {});
  expect(ended.lastIndexOf('beta')).toBeLessThan(260);
});

/* Red on the code before: 500 that could not be ended were taken again and again, and no other ever was. */
test('holds that cannot be ended are counted and keep no other open', async () => {
  await makeExpired({ acme: 700, beta: 20 });
  const broken: ClosePlanner = (stored, epoch) => {
    if (Number(stored.requestId.split('-')[1]) < 300) throw new Error('planted');
    return plan(stored, epoch);
  };
  const pass = await replica(0).ledger.expire(broken, {});
  expect(pass).toMatchObject({ ended: 400, failed: 320 });
  expect(pass.cause).toMatchObject({ message: 'planted' });
  expect(await replica(0).ledger.expire(plan, {})).toMatchObject({ ended: 320, failed: 0 });
});

/* Red on the code before: every replica took the same holds at once. */
test('of passes that rest one is under way at a time, until its session is gone', async () => {
  await makeExpired({ acme: 600 });
  const resting = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const first = replica(0).ledger.expire(plan, {
    rest: () => {
      reached.resolve();
      return resting.promise;
    },
  });
  await reached.promise;
  const rest = (): Promise<void> => Promise.resolve();
  expect(await replica(1).ledger.expire(plan, { rest })).toMatchObject({ ended: 0 });
  await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()`,
  );
  resting.resolve();
  await expect(first).rejects.toThrow();
  expect(await replica(1).ledger.expire(plan, { rest })).toMatchObject({ ended: 344 });
  expect(await openHolds()).toBe(0);
  expect(await differencesOf(database.pool, 'acme')).toEqual([]);
});

test('expired holds are found by the index, whatever else is open', async () => {
  await makeExpired({ acme: 50 });
  const statements: [string, readonly unknown[]][] = [
    [expiredOrganizations.text, [null, null]],
    [openExpired.text, [null, ['acme'], ['-1'], [''], 10]],
  ];
  const client = await database.pool.connect();
  await client.query('BEGIN; SET LOCAL enable_seqscan = off');
  for (const [text, values] of statements) {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values]);
    const lines = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(lines).toContain('call_open_of_org');
    expect(lines).not.toMatch(/Seq Scan|Sort/);
  }
  await client.query('ROLLBACK');
  client.release();
});
