import { afterEach, beforeEach, expect, test } from 'vitest';
import { meterOf } from '../../../src/core/meter.ts';
import { connectLane } from '../../../src/db/lane-client.ts';
import type { ClosePlanner } from '../../../src/ledger/ledger.ts';
import type { SweepOptions } from '../../../src/ledger/sweep/sweep.ts';
import { planEnd } from '../../support/replica-sweep.ts';
import { rewriting } from '../../support/rewriting.ts';
import { createSweepScene } from '../../support/sweep-scene.ts';
import type { SweepScene } from '../../support/sweep-scene.ts';
import { differencesOf } from '../../support/verified.ts';

const unstopped = new AbortController().signal;
let scene: SweepScene;

beforeEach(async () => {
  scene = await createSweepScene();
});

afterEach(() => scene.end());

/** Connects a sweep one of whose statements fails whenever it is run. */
const without = (statement: string): SweepOptions['connect'] => {
  const broken = (text: string): string =>
    text.startsWith(`PREPARE "${statement}"`)
      ? `${text.split(' AS ', 1)[0]} AS SELECT 1 / 0`
      : text;
  const settings = { statementTimeoutMs: 20_000, connectTimeoutMs: 20_000 };
  return (prepare) =>
    connectLane({ connectionString: scene.database.url, ...settings }, (client) =>
      prepare(rewriting(client, broken)),
    );
};

/** Everything that is kept of an organization, but for ids and for what names it. */
async function kept(orgId: string): Promise<unknown[]> {
  const row = (alias: string): string =>
    `(to_jsonb(${alias}) - '{org_id,request_id,id,sequence,content,detail}'::text[])`;
  const { rows } = await scene.database.pool.query<{ kept: unknown }>(
    `SELECT kind, number, kept FROM (
       SELECT 'meter' AS kind, m.meter_id AS number, ${row('m')} AS kept FROM meter m WHERE org_id = $1
       UNION ALL SELECT 'call', split_part(c.request_id, '-', 2), ${row('c')} FROM call c WHERE org_id = $1
       UNION ALL SELECT 'usage', split_part(u.request_id, '-', 2), ${row('u')} FROM usage u WHERE org_id = $1
       UNION ALL SELECT 'event', split_part(e.request_id, '-', 2), ${row('e')}
         FROM enforcement_event e WHERE org_id = $1) AS all_of_it ORDER BY kind, number`,
    [orgId],
  );
  return rows;
}

const planCharge: ClosePlanner = async (stored, epoch) => ({
  ...(await planEnd(stored, epoch)),
  onExpiry: 'CHARGE',
});

/*
 * Seen red by a planted fault each: the counters of a charge left out; the version of a call left as it was; the
 * usage recorded as not charged, without its units, and as one request.
 */
test.each(['RELEASE', 'CHARGE'])(
  'what is written first is what a batch that decides first writes (%s)',
  async (onExpiry) => {
    await scene.makeHolds('acme', 5);
    await scene.makeHolds('beta', 5);
    await scene.database.pool.query('UPDATE org SET on_expiry = $1', [onExpiry]);
    // Some were booked in earlier windows: of ten seconds, and of all but LIFETIME.
    await scene.database.pool.query(
      `UPDATE call SET booked_at = booked_at - earlier FROM (VALUES (1, 20000), (2, 3456000000)) AS u(number, earlier)
       WHERE split_part(request_id, '-', 2)::int = number`,
    );
    scene.replica.nowMs += 60_000;
    const plan = onExpiry === 'CHARGE' ? planCharge : planEnd;
    const first = scene.start({ plan, connect: without('close-holds') });
    expect(await first.endNow('acme')).toBe(5);
    const decided = scene.start({
      plan,
      connect: without('end-holds-first'),
      perOrganization: true,
    });
    expect(await decided.endNow('beta')).toBe(5);
    const [ofAcme, ofBeta] = [await kept('acme'), await kept('beta')];
    expect(ofAcme).toHaveLength(16);
    expect(ofAcme).toEqual(ofBeta);
    const units = onExpiry === 'CHARGE' ? { image: 2 } : null;
    const usage = { requests: 4, units, provider: 'azure', service_tier: 'flex' };
    expect(ofAcme).toContainEqual(
      expect.objectContaining({ kept: expect.objectContaining(usage) }),
    );
  },
);

/* Seen red without the guard: the meter had given back what it never held, and stayed unfilled. */
test('a meter that is new is filled before holds of it end', async () => {
  await scene.makeHolds('acme', 3);
  scene.replica.nowMs += 60_000;
  const label = meterOf({ kind: 'label', id: 'env=prod' });
  const plan: ClosePlanner = async (stored, epoch) => {
    const planned = await planEnd(stored, epoch);
    return { ...planned, meters: [...planned.meters, label] };
  };
  expect(await scene.start({ plan }).pass(unstopped)).toMatchObject({ ended: 3, stuck: 0 });
  const { rows } = await scene.database.pool.query('SELECT filled FROM meter WHERE meter_id = $1', [
    label.name,
  ]);
  expect(rows).toEqual([{ filled: true }]);
});

/* Seen red without the guard: the roll-up never counts what is recorded before the instant up to which it has counted. */
test('an end is not recorded before what is closed for the roll-up', async () => {
  await scene.makeHolds('acme', 3);
  scene.replica.nowMs += 60_000;
  const { pool } = scene.database;
  const closedTo = new Date(scene.replica.nowMs + 3_600_000);
  const zero = '00000000-0000-0000-0000-000000000000';
  await pool.query(
    `INSERT INTO usage_rolled (org_id, closed_to, rolled_to, rolled_to_id) VALUES ('acme', $1, $1, $2)
     ON CONFLICT (org_id) DO UPDATE SET closed_to = excluded.closed_to`,
    [closedTo, zero],
  );
  expect(await scene.start().pass(unstopped)).toMatchObject({ ended: 3 });
  const { rows } = await pool.query('SELECT DISTINCT recorded_at FROM usage');
  expect(rows).toEqual([{ recorded_at: closedTo }]);
});

/* Seen red without the guard: the ends were recorded ten minutes ahead. */
test('a process whose estimate of the time is wrong records ends at the time of the database', async () => {
  scene.replica.nowMs = Date.now() - 120_000;
  await scene.makeHolds('acme', 3);
  const clock = {
    isDatabase: true,
    nowMs: () => Date.now() + 600_000,
    read: ({ databaseNowMs }: { readonly databaseNowMs: number }) => databaseNowMs,
  };
  expect(await scene.start({ clock }).pass(unstopped)).toMatchObject({ ended: 3 });
  const { rows } = await scene.database.pool.query(
    `SELECT count(*)::int AS ends FROM usage u JOIN enforcement_event e ON e.at = u.recorded_at
       AND e.request_id = u.request_id WHERE u.recorded_at <= clock_timestamp()`,
  );
  expect(rows).toEqual([{ ends: 3 }]);
});

/* Seen red where it does not matter how many calls were closed: the meter gave back what is still held. */
test('a hold that was extended after it was read is left alone, and the others end', async () => {
  await scene.makeHolds('acme', 3);
  scene.replica.nowMs += 60_000;
  const plan: ClosePlanner = async (stored, epoch) => {
    await scene.database.pool.query(
      `UPDATE call SET version = 2, expires_at = expires_at + 1000 WHERE request_id = 'acme-1' AND version = 1`,
    );
    return planEnd(stored, epoch);
  };
  expect(await scene.start({ plan }).pass(unstopped)).toMatchObject({ ended: 2, stuck: 0 });
  expect(await scene.openHolds()).toEqual({ acme: 1 });
  expect(await differencesOf(scene.database.pool, 'acme')).toEqual([]);
});
