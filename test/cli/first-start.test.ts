import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { runCommand } from '../support/run-command.ts';

let database: TestDatabase;
let folder: string;
beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'tollgate-start-'));
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

function serve(more: Record<string, string> = {}) {
  return runCommand(['serve'], {
    DATABASE_URL: database.url,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_DRAIN_WAIT: '0s',
    ...more,
  });
}

type Server = ReturnType<typeof serve>;

/** Resolves when the process serves, or has ended. */
async function serving(server: Server): Promise<void> {
  for await (const _ of server.child.stdout)
    if (server.said.out.includes('answers gateways')) break;
}

/** How a process drains is not what these tests are about. */
async function stop(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.ended;
}

const isEmpty = () => createPgAccessStore(database.pool).isEmpty();
const secretIn = (text: string) => /tg_gateway_\S+/.exec(text)?.[0] ?? '';
const opens = async (secret: string) =>
  (await createPgAccess({ pool: database.pool }).authenticate(secret, 'data')) !== undefined;

// Red before: the secrets were committed before the ports were bound, and never shown.
test('a start that finds its port taken makes no secrets, and the next one shows them', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  for (const setting of ['TOLLGATE_DATA_LISTEN', 'TOLLGATE_ADMIN_LISTEN']) {
    const failed = serve({ [setting]: `127.0.0.1:${port}` });
    expect(await failed.ended).toBe(1);
    expect(failed.said.out).toBe('');
    expect(await isEmpty()).toBe(true);
  }
  other.close();
  const server = serve();
  await serving(server);
  expect(await opens(secretIn(server.said.out))).toBe(true);
  await stop(server);
});

test('of two processes that start at once, one shows secrets, and they are valid', async () => {
  const servers = [serve(), serve()];
  await Promise.all(servers.map(serving));
  const shown = servers.map(({ said }) => secretIn(said.out)).filter((secret) => secret !== '');
  expect(shown).toHaveLength(1);
  expect(await opens(shown[0] ?? '')).toBe(true);
  await Promise.all(servers.map(stop));
});

test('a file gets the secrets, for its owner alone, and standard output does not', async () => {
  const file = join(folder, 'secrets');
  const server = serve({ TOLLGATE_SECRETS_FILE: file });
  await serving(server);
  expect(server.said.out).not.toMatch(/tg_/);
  expect(server.said.out).toContain(file);
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(/^ADMIN=tg_admin_\S+\nTOLLGATE_TOKEN=tg_gateway_\S+\n$/);
  expect(await opens(secretIn(text))).toBe(true);
  await stop(server);
});

test('a file that exists, or whose folder does not, ends the start before the commit', async () => {
  const file = join(folder, 'secrets');
  await writeFile(file, 'of another store\n');
  const existing = serve({ TOLLGATE_SECRETS_FILE: file });
  expect(await existing.ended).toBe(1);
  expect(existing.said.err).toContain('exists already');
  expect(await readFile(file, 'utf8')).toBe('of another store\n');
  const nowhere = serve({ TOLLGATE_SECRETS_FILE: join(folder, 'no/folder') });
  expect(await nowhere.ended).toBe(1);
  expect(nowhere.said.err).toContain('no/folder cannot be created');
  expect(await isEmpty()).toBe(true);
});

test('a reader of standard output that is gone ends the start before the commit', async () => {
  const server = serve();
  server.child.stdout.destroy();
  expect(await server.ended).toBe(1);
  expect(server.said.err).toContain('nothing was created');
  expect(await isEmpty()).toBe(true);
});

test('a process that is killed while it shows the secrets leaves a store that can be started again', async () => {
  const store = createPgAccessStore(database.pool);
  const entry = { name: 'first-admin', role: 'gateway', orgIds: undefined } as const;
  const dead = store.create([{ ...entry, sha256: Buffer.alloc(32) }], 'test', async () => {
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE state = 'idle in transaction' AND datname = current_database()`,
    );
  });
  await expect(dead).rejects.toThrow('may not be valid');
  const server = serve();
  await serving(server);
  expect(await opens(secretIn(server.said.out))).toBe(true);
  await stop(server);
});
