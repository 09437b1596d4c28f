import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../support/run-command.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-stop-'));
});
afterEach(() => {
  for (const pid of processesIn(folder)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Processes whose working folder is in there: those of PostgreSQL. */
function processesIn(path: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(path);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function serve() {
  return runCommand(['serve'], {
    TOLLGATE_FOLDER: folder,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_DRAIN_WAIT: '0s',
    TOLLGATE_DRAIN_TIMEOUT: '2s',
    TOLLGATE_LOG_LEVEL: 'silent',
  });
}

function postmasterSays(pattern: RegExp): boolean {
  const path = join(folder, 'data/postmaster.pid');
  return existsSync(path) && pattern.test(readFileSync(path, 'utf8'));
}

/* Planted, seen red at the first two moments: the server is ended at the exit only if it has answered. */
test.each([
  { moment: 'while the folder is set up', isNow: () => existsSync(join(folder, 'data')) },
  { moment: 'while the server starts', isNow: () => postmasterSays(/starting/) },
  { moment: 'when the server is ready', isNow: () => postmasterSays(/ready/) },
])('SIGTERM during a first start leaves no server behind: $moment', async ({ isNow }) => {
  const { child, ended } = serve();
  await expect.poll(isNow, { interval: 2, timeout: 20_000 }).toBe(true);
  child.kill('SIGTERM');
  await ended;
  await expect.poll(() => processesIn(folder), { timeout: 3000 }).toEqual([]);
});

/* Planted, seen red: SIGINT in place of SIGKILL, which a frozen server does not get. */
test('a frozen server does not stay behind, and the next start recovers it', async () => {
  const { child, said, ended } = serve();
  await expect.poll(() => said.out, { timeout: 20_000 }).toContain('answers gateways');
  for (const pid of processesIn(folder)) process.kill(pid, 'SIGSTOP');
  child.kill('SIGTERM');
  expect(await ended).toBe(1);
  await expect.poll(() => processesIn(folder), { timeout: 3000 }).toEqual([]);
  const again = serve();
  await expect.poll(() => again.said.out, { timeout: 20_000 }).toContain('answers gateways');
  again.child.kill('SIGTERM');
  expect(await again.ended).toBe(0);
}, 60_000);
