import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClosePlanner } from '../../../src/ledger/ledger.ts';
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

/* Red where every replica sweeps at once. */
test('of all replicas one sweeps; another goes on when it has not kept its lease', async () => {
  await scene.makeHolds('acme', 600);
  scene.replica.nowMs += 61_000;
  const time = handMonotonic();
  const other = scene.start();
  const passes: unknown[] = [];
  const paused = scene.start({
    monotonicMs: time.monotonicMs,
    async pause() {
      passes.push(await other.pass(unstopped));
      // As after three seconds in which this replica was stopped.
      await scene.database.pool.query("UPDATE sweep_lease SET ends_at = now() - interval '1 ms'");
      time.move(3000);
      passes.push(await other.pass(unstopped));
    },
  });
  expect(await paused.pass(unstopped)).toMatchObject({ ended: 0 });
  expect(passes).toMatchObject([{ ended: 0 }, { ended: 600 }]);
  expect(await paused.pass(unstopped)).toMatchObject({ ended: 0 });
});

test('a lease that ends too far ahead, as after the clock was set back, stops no replica', async () => {
  await scene.makeHolds('acme', 1);
  scene.replica.nowMs += 61_000;
  await scene.database.pool.query(
    "UPDATE sweep_lease SET holder = 'x', ends_at = now() + interval '1 h'",
  );
  expect(await scene.start().pass(unstopped)).toMatchObject({ ended: 1 });
});

test('a replica that stops leaves its lease', async () => {
  await scene.makeHolds('acme', 600);
  scene.replica.nowMs += 61_000;
  const stopping = new AbortController();
  const first = await scene.start({ onEnded: () => stopping.abort() }).pass(stopping.signal);
  expect(first.ended).toBe(256);
  expect(await scene.start().pass(unstopped)).toMatchObject({ ended: 344 });
});

test('a hold that is extended or released while the sweep plans is not ended', async () => {
  await scene.makeHolds('acme', 10);
  scene.replica.nowMs += 61_000;
  const plan: ClosePlanner = async (stored, epoch) => {
    if (stored.requestId === 'acme-4') {
      await scene.database.pool.query(
        `UPDATE call SET version = version + 1, expires_at = expires_at + 600000
         WHERE request_id = 'acme-4' AND version = 1`,
      );
    }
    if (stored.requestId === 'acme-5') {
      const call = { orgId: 'acme', requestId: 'acme-5', plan: planEnd, deadlineMs: undefined };
      await scene.replica.ledger.release(call);
    }
    return planEnd(stored, epoch);
  };
  expect(await scene.start({ plan }).pass(unstopped)).toMatchObject({ ended: 8, stuck: 0 });
  expect(await scene.openHolds()).toEqual({ acme: 1 });
  expect(await differencesOf(scene.database.pool, 'acme')).toEqual([]);
});

test('an organization that is locked by others is left to the next pass', async () => {
  await scene.makeHolds('acme', 3);
  await scene.makeHolds('beta', 3);
  scene.replica.nowMs += 61_000;
  const client = await scene.database.pool.connect();
  await client.query(
    "BEGIN; SELECT FROM meter WHERE org_id = 'acme' AND meter_id = 'org' FOR UPDATE",
  );
  const sweep = scene.start();
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 3, stuck: 0 });
  await client.query('ROLLBACK');
  client.release();
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 3 });
});

test('to end all holds at once, an organization that is locked for a while is waited for', async () => {
  await scene.makeHolds('acme', 3);
  scene.replica.nowMs += 61_000;
  let planned = 0;
  const plan: ClosePlanner = (stored, epoch) => {
    planned += 1;
    return planEnd(stored, epoch);
  };
  const client = await scene.database.pool.connect();
  await client.query(
    "BEGIN; SELECT FROM meter WHERE org_id = 'acme' AND meter_id = 'org' FOR UPDATE",
  );
  const ending = scene.start({ plan }).endNow();
  await expect.poll(() => planned, { timeout: 10_000 }).toBeGreaterThan(3);
  await client.query('ROLLBACK');
  client.release();
  expect(await ending).toBe(3);
});

test('a connection that is lost in a transaction ends a pass, and nothing is ended twice', async () => {
  await scene.makeHolds('acme', 300);
  scene.replica.nowMs += 61_000;
  const { pool } = scene.database;
  // The last of all, by its request id: in the second transaction.
  await pool.query(`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
    CREATE TRIGGER die BEFORE INSERT ON usage FOR EACH ROW WHEN (NEW.request_id = 'acme-99')
      EXECUTE FUNCTION die()`);
  const sweep = scene.start();
  await expect(sweep.pass(unstopped)).rejects.toThrow(/terminat/);
  expect(await scene.openHolds()).toEqual({ acme: 44 });
  await pool.query('DROP TRIGGER die ON usage');
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 44 });
  expect(await differencesOf(pool, 'acme')).toEqual([]);
});

test('two that end all at once end each hold once', async () => {
  await scene.makeHolds('acme', 400);
  await scene.makeHolds('beta', 400);
  scene.replica.nowMs += 61_000;
  const [one, two, three] = [scene.start(), scene.start(), scene.start()];
  const ended = await Promise.all([one.endNow(), two.endNow(), two.endNow('beta'), three.endNow()]);
  expect(ended.reduce((sum, holds) => sum + holds)).toBe(800);
  for (const orgId of ['acme', 'beta']) {
    expect(await differencesOf(scene.database.pool, orgId)).toEqual([]);
  }
});
