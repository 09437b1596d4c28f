import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-embedded-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function ask(url: string, statement: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(statement);
  await client.end();
  return rows;
}

test('what was written is there after a stop and a new start', async () => {
  const first = await startEmbeddedPostgres({ folder });
  await ask(first.url, 'CREATE TABLE note AS SELECT 42 AS n');
  await first.stop();
  const second = await startEmbeddedPostgres({ folder });
  expect(await ask(second.url, 'SELECT n FROM note')).toEqual([{ n: 42 }]);
  await second.stop();
  await second.stop();
});

test('its password is for its owner only, and needed', async () => {
  const server = await startEmbeddedPostgres({ folder });
  expect(statSync(join(folder, 'password')).mode & 0o777).toBe(0o600);
  const wrong = new URL(server.url);
  wrong.password = 'guess';
  await expect(ask(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  await server.stop();
});

test('a second start on the same folder is refused, saying what to do', async () => {
  const server = await startEmbeddedPostgres({ folder });
  const second = startEmbeddedPostgres({ folder });
  await expect(second).rejects.toThrow(/in use by another Tollgate \(process \d+\).*DATABASE_URL/);
  expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
});

/** A server whose Tollgate was killed; answers where it is. */
async function leaveBehind(): Promise<string> {
  const script = `
    const { startEmbeddedPostgres } = await import(process.argv[1]);
    const { url } = await startEmbeddedPostgres({ folder: process.argv[2] });
    console.log(url);
    setInterval(() => {}, 1000);`;
  const module = new URL('../../src/db/embedded.ts', import.meta.url).href;
  const args = ['--input-type=module', '-e', script, module, folder];
  const killed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve) => {
    killed.stdout.setEncoding('utf8').once('data', (line: string) => resolve(line.trim()));
  });
  await ask(url, 'CREATE TABLE note AS SELECT 42 AS n');
  const gone = new Promise((resolve) => killed.once('exit', resolve));
  killed.kill('SIGKILL');
  await gone;
  return url;
}

test('a server left behind by a killed process is replaced', async () => {
  const url = await leaveBehind();
  const server = await startEmbeddedPostgres({ folder });
  expect(await ask(server.url, 'SELECT n FROM note')).toEqual([{ n: 42 }]);
  await expect(ask(url, 'SELECT 1')).rejects.toThrow();
  await server.stop();
});

// Red while the start waited for pg_ctl without turning the event loop: no signal was answered for a minute.
test('a start that waits for a frozen server left behind still answers what else happens', async () => {
  await leaveBehind();
  const pid = Number(readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, 'SIGSTOP');
  const start = startEmbeddedPostgres({ folder });
  setTimeout(() => process.kill(pid, 'SIGCONT'), 500);
  const server = await start;
  expect(await ask(server.url, 'SELECT n FROM note')).toEqual([{ n: 42 }]);
  await server.stop();
});

test('a folder below one that others may not enter will do, as root too', async () => {
  const closed = join(folder, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0o700);
  const server = await startEmbeddedPostgres({ folder: join(closed, 'postgres') });
  expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a server that cannot start says why', async () => {
  const serverSettings = { shared_buffers: 'nonsense' };
  const start = startEmbeddedPostgres({ folder, serverSettings });
  await expect(start).rejects.toThrow(/shared_buffers/);
  const server = await startEmbeddedPostgres({ folder });
  await server.stop();
});
