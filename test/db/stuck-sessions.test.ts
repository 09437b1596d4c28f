import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createStuckSessions } from '../../src/db/stuck-sessions.ts';
import type { StuckSessions } from '../../src/db/stuck-sessions.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let watcher: Client;
let stuck: StuckSessions;
let nowMs: number;
let clients: Client[];

beforeEach(async () => {
  database = await createTestDatabase();
  clients = [];
  watcher = await connect(database.url, 'watch');
  nowMs = 0;
  stuck = createStuckSessions({ idleInTransactionMs: 750, monotonicMs: () => nowMs });
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  await database.drop();
});

async function connect(url: string, name = 'tollgate-lane'): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: name });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

async function isOpen(client: Client): Promise<boolean> {
  return client.query('SELECT 1').then(
    () => true,
    () => false,
  );
}

/** Looks until the other session's last message is over: its state is shown a moment later. */
async function lookAt(client: Client): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const waits = `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'ClientRead'`;
  await expect
    .poll(async () => (await watcher.query(waits, [rows[0]?.pid])).rowCount, { interval: 5 })
    .toBe(1);
  await stuck.look(watcher);
}

/*
 * Planted, seen red: the limit is compared with the database's clock, as before. A step of it forward ended
 * healthy sessions, and after a step back none was ended.
 */
test('a session is ended when it has not moved between two looks, whatever the database says of the time', async () => {
  const lane = await connect(database.url);
  await lane.query('BEGIN');
  await lookAt(lane);
  nowMs = 749;
  await stuck.look(watcher);
  expect(await isOpen(lane)).toBe(true);
  // It moved: its time begins again.
  nowMs = 2000;
  await lookAt(lane);
  nowMs = 2749;
  await stuck.look(watcher);
  expect(await isOpen(lane)).toBe(true);
  await lookAt(lane);
  nowMs = 5000;
  await stuck.look(watcher);
  expect(await isOpen(lane)).toBe(false);
});

test('a session outside of a transaction, and one of another program, is left alone', async () => {
  const idle = await connect(database.url);
  const foreign = await connect(database.url, 'psql');
  await foreign.query('BEGIN');
  await lookAt(idle);
  nowMs = 5000;
  await stuck.look(watcher);
  expect([await isOpen(idle), await isOpen(foreign)]).toEqual([true, true]);
});

/* Planted, seen red: `usename = current_user` in place of the roles whose privileges ours has. */
test('replicas that sign in with roles of their own end each other’s sessions, as far as they may', async () => {
  const name = `stuck_${process.pid}`;
  await database.pool.query(`CREATE ROLE ${name}_a LOGIN PASSWORD $$a$$;
    CREATE ROLE ${name}_b LOGIN PASSWORD $$b$$; GRANT ${name}_a TO ${name}_b`);
  const url = (role: 'a' | 'b'): string => {
    const changed = new URL(database.url);
    [changed.username, changed.password] = [`${name}_${role}`, role];
    return changed.href;
  };
  try {
    const [owner, member] = [await connect(url('a')), await connect(url('b'))];
    const [ofOwner, ofMember] = [
      await connect(url('a'), 'watch'),
      await connect(url('b'), 'watch'),
    ];
    const superuser = await connect(database.url);
    for (const client of [owner, member, superuser]) await client.query('BEGIN');
    await lookAt(owner);
    // May end the sessions of role b no more than those of the superuser, and does not fail for it.
    const powerless = createStuckSessions({ idleInTransactionMs: 0, monotonicMs: () => nowMs });
    await member.query('SELECT 1');
    await powerless.look(ofOwner);
    expect([await isOpen(member), await isOpen(superuser)]).toEqual([true, true]);
    expect(await isOpen(owner)).toBe(false);
    const other = await connect(url('a'));
    await other.query('BEGIN');
    watcher = ofMember;
    await lookAt(other);
    nowMs = 5000;
    await stuck.look(ofMember);
    expect(await isOpen(other)).toBe(false);
    expect(await isOpen(superuser)).toBe(true);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await database.pool.query(`DROP ROLE ${name}_a, ${name}_b`);
  }
});
