import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { runCommand as run } from '../support/run-command.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('--help names the commands and describes the settings', async () => {
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

test('wrong settings are reported all at once, with exit status 2', async () => {
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
  const said: string[] = [];
  for (const line of lines) {
    const [, address = '', token = '', name = '', json = ''] =
      /^TOLLGATE_ADDRESS=(\S+) TOLLGATE_TOKEN=(\S+) npx tollgate call (\S+) '(.*)'$/.exec(line) ??
      [];
    const environment = { TOLLGATE_ADDRESS: address, TOLLGATE_TOKEN: token };
    const call = run(['call', name, json], environment);
    expect(await call.ended).toBe(0);
    said.push(call.said.out);
    const again = run(['call', name, json, '--json'], environment);
    expect(await again.ended).toBe(0);
    answers.push(JSON.parse(again.said.out));
  }
  expect(answers).toMatchObject([
    { requestId: 'try-1', outcome: { decision: 'DECISION_ALLOW' } },
    { requestId: 'try-1', costNanos: '288000' },
  ]);
  expect(said[0]).toMatch(
    /^ALLOW try-1: 0\.00048 USD held until \S+Z\n {2}team:research\/pace: 59 of 60 requests left, /,
  );
  expect(said[1]).toBe('BOOKED try-1: 0.000288 USD, 1200 input and 180 output tokens\n');
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
});

// Red before: an unknown organization or option was "0 differences", exit status 0.
test.each([
  [['serve', 'now'], 'unexpected argument "now"'],
  [['serve', '--port=1'], "Unknown option '--port'"],
  [['call', 'chek'], 'check | report | release | extend | explain | list-targets'],
  [['call', 'check', '{}', 'more'], 'unexpected argument "more"'],
  [['call', '--yaml', 'check'], "Unknown option '--yaml'"],
  [['verify', '--repare'], "Unknown option '--repare'"],
  [['verify', '--repair=yes'], '--repair'],
  [['verify', 'nosuch'], 'no organization nosuch is known'],
  [['verify', ''], 'no organization  is known'],
  [['test'], 'no folder is given'],
  [['test', 'a', 'b'], 'unexpected argument "b"'],
  [['test', '.', '--only'], "'--only <value>' argument missing"],
  [['test', '.', '--only', 'a', '--only', 'b'], '--only is given twice'],
  [['--version', 'now'], 'unexpected argument "now"'],
  [['--help', '--all'], "Unknown option '--all'"],
  [['access'], 'access issue'],
  [['access', 'list', 'all'], 'unexpected argument "all"'],
  [['access', 'revoke'], 'no name is given'],
  [['access', 'issue', 'edge'], '--role: expected one of gateway'],
  [['access', 'issue', '--role', 'gateway'], 'NAME: expected'],
  [['access', 'issue', 'edge', '--role', 'boss'], '--role: expected one of gateway'],
  [['access', 'issue', 'a b', '--role', 'gateway'], 'NAME: expected'],
  [
    ['access', 'issue', 'root', '--role', 'platform_admin', '--org', 'acme'],
    'a platform_admin acts',
  ],
  [['access', 'issue', 'ann', '--role', 'org_admin'], 'needs at least one organization'],
])('%j exits 2 and says what is wrong and what was expected', async (args, fault) => {
  const { said, ended } = run(args, { DATABASE_URL: database.url });
  expect(await ended).toBe(2);
  expect(said.err).toContain(fault);
  expect(said.err).toContain('expected');
  expect(said.out).toBe('');
});

test('call prints the reason and the wrong fields of a refusal, and exits 1', async () => {
  const { said, ended } = run(['call', 'check', '{}'], { TOLLGATE_ADDRESS: '127.0.0.1:1' });
  expect(await ended).toBe(1);
  expect(said.err).toMatch(/^UNAVAILABLE: /);
});

test('call with a field that is none says so, and exits 1', async () => {
  const wrong = run(['call', 'check', '{"targett":"x"}']);
  expect(await wrong.ended).toBe(1);
  expect(wrong.said.err).toContain('targett');
});

test('verify finds a meter that is not what the ledger says, and sets it right', async () => {
  const environment = { DATABASE_URL: database.url };
  const clean = run(['verify'], environment);
  expect(await clean.ended).toBe(0);
  expect(clean.said.out).toMatch(
    /^1 organizations, 0 differences\n2 audit trails, [1-9]\d* entries, 0 faults\n$/,
  );
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
