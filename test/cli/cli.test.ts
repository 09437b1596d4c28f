import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const launcher = fileURLToPath(new URL('../../bin/tollgate.js', import.meta.url));

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A run of the command line; `said` grows as it speaks. */
function run(args: readonly string[], environment: Record<string, string> = {}) {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [launcher, ...args], { env: { PATH, ...environment } });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const ended = once(child, 'close').then(([code]) => Number(code));
  return { child, said, ended };
}

test('--help names the commands and every setting', async () => {
  const { said, ended } = run(['--help']);
  expect(await ended).toBe(0);
  expect(said.out).toContain('tollgate serve');
  expect(said.out).toContain('TOLLGATE_DATA_LISTEN (127.0.0.1:8081)');
});

test('an unknown command exits 2 and points at the help', async () => {
  const { said, ended } = run(['server']);
  expect(await ended).toBe(2);
  expect(said.err).toContain('--help');
});

test('wrong settings are told all at once, with exit status 2', async () => {
  const wrong = { TOLLGATE_LANES: 'none', TOLLGATE_LOG_LEVEL: 'loud', TOLLGATE_LANE: '1' };
  const { said, ended } = run(['serve'], wrong);
  expect(await ended).toBe(2);
  expect(said.err).toContain('TOLLGATE_LANES is "none": expected');
  expect(said.err).toContain('TOLLGATE_LOG_LEVEL is "loud": expected');
  expect(said.err).toContain('TOLLGATE_LANE is not a setting');
});

test('serve prints lines that work when pasted, and drains on SIGTERM', async () => {
  const server = run(['serve'], {
    DATABASE_URL: database.url,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_DRAIN_WAIT: '0s',
  });
  for await (const _ of server.child.stdout) if (server.said.out.includes('curl')) break;
  const lines = server.said.out.split('\n').filter((line) => line.includes('tollgate call'));
  const answers: unknown[] = [];
  for (const line of lines) {
    const [, address = '', token = '', name = '', json = ''] =
      /^TOLLGATE_ADDRESS=(\S+) TOLLGATE_TOKEN=(\S+) npx tollgate call (\S+) '(.*)'$/.exec(line) ??
      [];
    const call = run(['call', name, json], { TOLLGATE_ADDRESS: address, TOLLGATE_TOKEN: token });
    expect(await call.ended).toBe(0);
    answers.push(JSON.parse(call.said.out));
  }
  expect(answers).toMatchObject([
    { requestId: 'try-1', outcome: { decision: 'DECISION_ALLOW' } },
    { requestId: 'try-1', costNanos: '288000' },
  ]);
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
});

test('call prints the reason and the wrong fields of a refusal, and exits 1', async () => {
  const { said, ended } = run(['call', 'check', '{}'], { TOLLGATE_ADDRESS: '127.0.0.1:1' });
  expect(await ended).toBe(1);
  expect(said.err).toMatch(/^UNAVAILABLE: /);
});

test('call with an unknown method or a field that is none exits with its use', async () => {
  const unknown = run(['call', 'chek']);
  expect(await unknown.ended).toBe(2);
  expect(unknown.said.err).toContain('check | report | release | extend | explain | list-targets');
  const wrong = run(['call', 'check', '{"targett":"x"}']);
  expect(await wrong.ended).toBe(1);
  expect(wrong.said.err).toContain('targett');
});

test('verify finds a meter that is not what the ledger says, and sets it right', async () => {
  const environment = { DATABASE_URL: database.url };
  const clean = run(['verify'], environment);
  expect(await clean.ended).toBe(0);
  expect(clean.said.out).toBe('1 organizations, 0 differences\n');
  await database.pool.query(
    `UPDATE meter SET day_used_cost = day_used_cost + 7 WHERE meter_id = 'user:alice'`,
  );
  const wrong = run(['verify', '--repair'], environment);
  expect(await wrong.ended).toBe(1);
  expect(wrong.said.out).toContain(
    'acme user:alice day_used_cost: the ledger says 288000, the meter 288007',
  );
  const repaired = run(['verify', 'acme'], environment);
  expect(await repaired.ended).toBe(0);
});
