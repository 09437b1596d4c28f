import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../support/organization.ts';
import { runCommand } from '../support/run-command.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'tollgate-access-'));
  await policyStoreOf(database.pool, Date.now).createOrganization(
    plainOrganization('acme'),
    anyChange,
  );
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { said, ended } = runCommand(['access', ...args], { DATABASE_URL: database.url });
  const code = await ended;
  return { code, ...said };
}

const names = async (): Promise<readonly string[]> =>
  (await createPgAccessStore(database.pool).list()).map(({ name }) => name);

test('an issued secret works, is listed, and does not work once it is revoked', async () => {
  const issued = await run('issue', 'edge', '--role', 'gateway', '--org', 'acme');
  expect(issued).toMatchObject({ code: 0, out: expect.stringMatching(/^tg_gateway_\S+\n$/) });
  const authenticate = async () =>
    createPgAccess({ pool: database.pool }).authenticate(issued.out.trim(), 'data');
  expect(await authenticate()).toMatchObject({
    name: 'edge',
    grants: [{ role: 'gateway', orgIds: new Set(['acme']) }],
  });
  expect((await run('list')).out).toMatch(/^edge {2}gateway {2}acme {2}created \S+Z$/m);
  expect(await run('revoke', 'edge')).toMatchObject({ code: 0 });
  expect(await authenticate()).toBeUndefined();
  expect((await run('list')).out).toMatch(/^edge .* revoked \S+Z$/m);
});

test('a taken name and an unknown organization or bearer are refused, and nothing is printed', async () => {
  await run('issue', 'ops', '--role', 'platform_admin');
  const before = await names();
  for (const [args, fault] of [
    [['issue', 'ops', '--role', 'gateway'], 'the name ops is taken'],
    [['issue', 'x', '--role', 'org_admin', '--org', 'nosuch'], 'no organization nosuch is known'],
    [['revoke', 'nobody'], 'no account is called nobody'],
  ] as const) {
    expect(await run(...args)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(fault) as unknown,
    });
  }
  expect(await names()).toEqual(before);
});

test('a file gets the secret for its owner alone; one that cannot be written fails before the commit', async () => {
  const file = join(folder, 'secret');
  const issue = (name: string, path: string) =>
    run('issue', name, '--role', 'gateway', '--file', path);
  expect(await issue('filed', file)).toMatchObject({ code: 0, out: '' });
  const { mode } = await stat(file);
  expect((mode & 0o777).toString(8)).toBe('600');
  expect(await readFile(file, 'utf8')).toMatch(/^tg_gateway_\S+\n$/);
  const again = await issue('again', file);
  expect(again).toMatchObject({
    code: 1,
    err: expect.stringContaining('exists already') as unknown,
  });
  const nowhere = await issue('again', join(folder, 'no/such/folder'));
  expect(nowhere).toMatchObject({ code: 1, err: expect.stringContaining('no/such') as unknown });
  expect(await names()).not.toContain('again');
});

// Planted: without the constraint and the refusal, an administrator of one organization ruled them all: red.
test('a platform administrator with organizations is refused by the store and by the schema', async () => {
  const entry = { name: 'root', role: 'platform_admin', orgIds: ['acme'] } as const;
  const sha256 = Buffer.alloc(32);
  await expect(
    createPgAccessStore(database.pool).create([{ ...entry, sha256 }], 'test'),
  ).rejects.toMatchObject({ reason: 'FIELD_INVALID', violations: [{ field: 'org_ids' }] });
  const insert = `INSERT INTO account (account_id, display_name, kind, grants, state)
VALUES ('root', '', 'SERVICE', '[{"role": "platform_admin", "orgIds": ["acme"]}]', 'ENABLED')`;
  await expect(database.pool.query(insert)).rejects.toMatchObject({
    constraint: 'account_platform_admin',
  });
});
