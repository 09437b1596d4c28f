import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClosePlanner } from '../../../src/ledger/ledger.ts';
import { overdueHolds, overdueOrganizations } from '../../../src/ledger/sql/overdue-holds.ts';
import { planEnd } from '../../support/replica-sweep.ts';
import { createSweepScene, handMonotonic } from '../../support/sweep-scene.ts';
import type { SweepScene } from '../../support/sweep-scene.ts';
import { differencesOf } from '../../support/verified.ts';

const unstopped = new AbortController().signal;
let scene: SweepScene;

beforeEach(async () => {
  scene = await createSweepScene();
});

afterEach(() => scene.end());

/** Lets the database refuse the end of some of acme's holds, by their numbers. */
const refuse = (from: number, to: number): string =>
  `ALTER TABLE usage ADD CONSTRAINT refused CHECK (org_id <> 'acme'
     OR substring(request_id FROM 6)::int NOT BETWEEN ${from} AND ${to})`;

test('one pass ends all holds whose time is over, and no other', async () => {
  await scene.makeHolds('acme', 600);
  await scene.makeHolds('beta', 3);
  scene.replica.nowMs += 60_000;
  await scene.makeHolds('young', 1);
  expect(await scene.start().pass(unstopped)).toMatchObject({ ended: 603, stuck: 0 });
  expect(await scene.openHolds()).toEqual({ young: 1 });
  for (const orgId of ['acme', 'beta', 'young']) {
    expect(await differencesOf(scene.database.pool, orgId)).toEqual([]);
  }
  const { rows } = await scene.database.pool.query(
    `SELECT (SELECT count(*)::int FROM usage WHERE kind = 'EXPIRED') AS usage,
       (SELECT count(*)::int FROM enforcement_event WHERE action = 'EXPIRED') AS events`,
  );
  expect(rows).toEqual([{ usage: 603, events: 603 }]);
});

/* Red where the oldest 500 of all organizations come first. */
test('an organization with many holds delays those of another by one transaction at most', async () => {
  await scene.makeHolds('acme', 800);
  await scene.makeHolds('beta', 3);
  scene.replica.nowMs += 61_000;
  const pieces: number[] = [];
  const planned: string[] = [];
  const plan: ClosePlanner = (stored, epoch) => {
    planned.push(stored.orgId);
    return planEnd(stored, epoch);
  };
  await scene.start({ plan, onEnded: (holds) => pieces.push(holds) }).pass(unstopped);
  expect(planned.lastIndexOf('beta')).toBeLessThan(256);
  expect(Math.max(...pieces)).toBeLessThanOrEqual(256);
});

/* Red where a pass looks for organizations only when it begins: it ended acme's 800 first. */
test('holds that fall due during a long pass are ended in it, in turn', async () => {
  await scene.makeHolds('acme', 800);
  scene.replica.nowMs += 30_000;
  await scene.makeHolds('beta', 3);
  scene.replica.nowMs += 31_000;
  const time = handMonotonic();
  const left: (number | undefined)[] = [];
  const sweep = scene.start({
    monotonicMs: time.monotonicMs,
    onEnded: () => {
      scene.replica.nowMs += 30_000;
      time.move(1000);
    },
    async pause() {
      const { acme, beta } = await scene.openHolds();
      if (beta === undefined) left.push(acme);
    },
  });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 803 });
  expect(left[0]).toBeGreaterThan(0);
});

/*
 * Red on the first code, which took the oldest 500 again and again, and on a sweep that tried all of them in every
 * pass: its rests outlasted the lock, so that acme's last 300 stayed open forever.
 */
test('holds that the database refuses are passed over, counted, and tried again after a minute', async () => {
  await scene.makeHolds('acme', 700);
  await scene.makeHolds('beta', 20);
  scene.replica.nowMs += 61_000;
  await scene.database.pool.query(refuse(50, 349));
  const time = handMonotonic();
  const sweep = scene.start({ monotonicMs: time.monotonicMs });
  const first = await sweep.pass(unstopped);
  expect(first).toMatchObject({ ended: 420, stuck: 300 });
  expect(first.examples.map(({ orgId, cause }) => [orgId, String(cause)])).toEqual(
    Array.from({ length: 3 }, () => ['acme', expect.stringContaining('refused')]),
  );
  expect(await scene.openHolds()).toEqual({ acme: 300 });
  await scene.database.pool.query('ALTER TABLE usage DROP CONSTRAINT refused');
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 0, stuck: 300, examples: [] });
  time.move(60_000);
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 300, stuck: 0 });
  expect(await differencesOf(scene.database.pool, 'acme')).toEqual([]);
});

test('holds that cannot be read, planned or written are passed over, and each is counted once', async () => {
  await scene.makeHolds('acme', 20);
  await scene.makeHolds('beta', 5);
  scene.replica.nowMs += 61_000;
  await scene.database.pool.query("UPDATE call SET detail = '{' WHERE request_id = 'acme-7'");
  await scene.database.pool.query(refuse(9, 9));
  const plan: ClosePlanner = (stored, epoch) => {
    if (stored.requestId === 'acme-3') throw new Error('planted');
    return planEnd(stored, epoch);
  };
  const sweep = scene.start({ plan });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 22, stuck: 3 });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 0, stuck: 3 });
  await expect(sweep.endNow('acme')).rejects.toMatchObject({ kind: 'INTERNAL' });
});

/* Red on the first code: the process's clock said what was due. */
test('the clock of a process ends no hold', async () => {
  scene.replica.nowMs = Date.now();
  await scene.makeHolds('acme', 2);
  const clock = {
    isDatabase: true,
    nowMs: () => Date.now() + 600_000,
    read: ({ databaseNowMs }: { readonly databaseNowMs: number }) => databaseNowMs,
  };
  const sweep = scene.start({ clock });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 0, stuck: 0 });
  expect(await sweep.endNow()).toBe(0);
  await scene.database.pool.query("UPDATE call SET expires_at = 1 WHERE request_id = 'acme-0'");
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 1 });
});

test('plans that are older than the policies are made again with those of now', async () => {
  await scene.makeHolds('acme', 300);
  scene.replica.nowMs += 61_000;
  await scene.database.pool.query('UPDATE org SET epoch = epoch + 7');
  const epochs = new Set<number>();
  const plan: ClosePlanner = (stored, epoch) => {
    epochs.add(epoch);
    return planEnd(stored, epoch);
  };
  expect(await scene.start({ plan }).pass(unstopped)).toMatchObject({ ended: 300 });
  expect(epochs.size).toBe(2);
});

/* Red where the time is computed for each row: every open hold of the organization was read, however young. */
test('holds that are not due are not read to find those that are', async () => {
  await scene.makeHolds('acme', 50);
  const statements: [string, (string | null)[]][] = [
    [overdueOrganizations.text, ['', '10', null]],
    [overdueHolds.text, ['acme', '-1', '', '10', null]],
  ];
  const client = new Client({ connectionString: scene.database.url });
  await client.connect();
  try {
    await client.query('SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan');
    for (const [text, values] of statements) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      const lines = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(lines).toMatch(/using call_open_of_org on call.*\n *Index Cond: .*expires_at <= /);
      expect(lines).not.toContain('Seq Scan');
    }
  } finally {
    await client.end();
  }
});

test('in a distributed database a transaction is of one organization', async () => {
  await scene.makeHolds('acme', 5);
  await scene.makeHolds('beta', 5);
  scene.replica.nowMs += 61_000;
  const pieces: number[] = [];
  await scene
    .start({ perOrganization: true, onEnded: (holds) => pieces.push(holds) })
    .pass(unstopped);
  expect(pieces).toEqual([5, 5]);
});
