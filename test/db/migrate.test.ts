import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { executeOn, withDatabase } from '../support/postgres-server.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';

let name: string;
let url: string;

beforeEach(async () => {
  name = `tollgate_empty_${randomBytes(6).toString('hex')}`;
  await executeOn(inject('postgresUrl'), `CREATE DATABASE ${name}`);
  url = withDatabase(inject('postgresUrl'), name);
});
afterEach(() => executeOn(inject('postgresUrl'), `DROP DATABASE ${name} WITH (FORCE)`));

test('processes that start at once migrate an empty database once', async () => {
  const runs = await Promise.all(Array.from({ length: 6 }, () => migrate(url)));
  const worked = runs.filter((names) => names.length > 0);
  expect(worked).toHaveLength(1);
  expect(worked[0]?.[0]).toBe('0001_schema');
  expect(await migrate(url)).toEqual([]);
});

test('every table is keyed by organization, or is one that must not be', async () => {
  await migrate(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string; first: string }>(
    `SELECT c.relname AS name, a.attname AS first FROM pg_class c
JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')`,
  );
  await client.end();
  const others = new Set(rows.filter(({ first }) => first !== 'org_id').map((row) => row.name));
  const crossing = [
    'account',
    'account_certificate',
    'account_request',
    'account_secret',
    'credential_secret',
    'platform',
    'sweep_lease',
    'tollgate_migration',
  ];
  expect([...others].toSorted()).toEqual(crossing);
});

test('a database that cannot be reached is reported as such', async () => {
  const nowhere = migrate('postgres://nobody@127.0.0.1:1/none');
  await expect(nowhere).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
});

/* Planted, seen red: no probe beside the migration. */
test('a server that falls silent while it migrates ends the migration', async () => {
  const proxy = await startTcpProxy(serverOf(url));
  proxy.swallowAfter('pg_try_advisory_lock');
  const run = migrate(throughProxy(url, proxy), { silenceMs: 400 });
  const failed = expect(run).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  await expect.poll(() => proxy.mutedCount, { timeout: 5000 }).toBe(1);
  proxy.blackHole();
  await failed;
  await proxy.close();
  expect((await migrate(url)).length).toBeGreaterThan(0);
});

/* Before, it waited for the lock without an end, and said nothing. Seen red while the time limit did not work. */
test('a migration that another process holds up is reported, and has an end', async () => {
  const holder = new Client({ connectionString: url });
  holder.on('error', () => undefined);
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(7045184311009)');
  let waits = 0;
  const onWait = () => void (waits += 1);
  await expect(migrate(url, { timeoutMs: 500, onWait })).rejects.toThrow(/within 500 ms/);
  expect(waits).toBe(1);
  const run = migrate(url, { onWait });
  await expect.poll(() => waits, { timeout: 5000 }).toBe(2);
  await holder.end();
  expect((await run).length).toBeGreaterThan(0);
});
