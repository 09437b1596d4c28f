import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { test as play } from '../../src/cli/test.ts';
import { readScenario } from '../../src/scenario/form.ts';
import { startInstance } from '../../src/scenario/instance.ts';
import type { Instance } from '../../src/scenario/instance.ts';
import { playScenario } from '../../src/scenario/play.ts';
import type { Played } from '../../src/scenario/play.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let instance: Instance;
let folder: string;
let out: string;
let err: string;

beforeAll(async () => {
  database = await createTestDatabase();
  instance = await startInstance(database.url);
});
afterAll(async () => {
  await instance.close();
  await database.drop();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-runner-'));
  out = '';
  err = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const head = 'start: 2026-03-10T09:00:00Z\nmodels: [{id: m}]\n';

/** Runs the command over files in the folder. */
function run(files: Record<string, string>, ...options: string[]): Promise<number> {
  return runOn(database.url, files, ...options);
}

async function runOn(
  url: string,
  files: Record<string, string>,
  ...options: string[]
): Promise<number> {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return play([folder, ...options], url, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
  });
}

/** Plays one scenario of these steps on the standing instance. */
function playSteps(setUp: string, steps: string): Promise<Played> {
  const text = `name: x\n${head}${setUp}steps:\n${steps.replace(/^\n/, '')}`;
  return playScenario(instance, readScenario('x.yaml', text));
}

const good = `name: good\n${head}steps:\n  - check: {id: a, target: m}\n    expect: {outcome: ALLOW}\n`;
const bad = `name: bad\n${head}steps:\n  - advance: 1s\n  - check: {id: a, target: m}\n    expect: {outcome: DENY}\n`;

test('a failed scenario names its step and shows expected and answered, and the exit status is 1', async () => {
  expect(await run({ 'sub/good.yaml': good, 'bad.yaml': bad, 'notes.txt': 'no scenario' })).toBe(1);
  expect(out).toMatch(
    /^FAIL {2}bad\n.*bad\.yaml:6, step 2\n\s+outcome\n\s+expected "DENY"\n\s+answered "ALLOW"\nok {4}good\n1 passed, 1 failed\n$/,
  );
});

test('--only plays the one that is named, and --json answers with one object', async () => {
  expect(await run({ 'good.yaml': good, 'bad.yaml': bad }, '--json')).toBe(1);
  expect(JSON.parse(out)).toEqual({
    passed: 1,
    failed: 1,
    scenarios: [
      {
        file: join(folder, 'bad.yaml'),
        name: 'bad',
        passed: false,
        step: 2,
        line: 6,
        differences: [{ key: 'outcome', expected: 'DENY', answered: 'ALLOW' }],
      },
      { file: join(folder, 'good.yaml'), name: 'good', passed: true },
    ],
  });
  out = '';
  expect(await run({}, '--only', 'good')).toBe(0);
  expect(out).toBe('ok    good\n1 passed, 0 failed\n');
});

test('the faults of all files are reported before anything runs, and the exit status is 2', async () => {
  const status = await run({
    'a.yaml': good,
    'b.yaml': good.replace('steps:', 'stepz: []\nsteps:'),
    'c.yaml': good.replace('check:', 'chek:'),
    'd.yaml': good,
  });
  expect(status).toBe(2);
  expect(out).toBe('');
  expect(err.trim().split('\n')).toEqual([
    `tollgate test: ${join(folder, 'b.yaml')}:4: stepz: unknown key`,
    `tollgate test: ${join(folder, 'c.yaml')}:5: chek: unknown step`,
    `tollgate test: ${join(folder, 'd.yaml')}:1: name: ${join(folder, 'a.yaml')} has the same`,
  ]);
});

test.each([
  ['a name that no scenario has', ['--only', 'god'], /no scenario below .* is called god/],
  ['an option that is none', ['--onli', 'good'], /--onli/],
  ['a second folder', ['elsewhere'], /unexpected argument/],
])('%s exits with 2', async (_, options, complaint) => {
  expect(await run({ 'good.yaml': good }, ...options)).toBe(2);
  expect(err).toMatch(complaint);
});

test('a folder that is none, and a database that cannot be reached, exit with 2', async () => {
  const output = { out: () => {}, err: (text: string) => void (err += text) };
  expect(await play([join(folder, 'gone')], undefined, output)).toBe(2);
  expect(err).toContain('gone is not a folder');
  writeFileSync(join(folder, 'good.yaml'), good);
  expect(await play([folder], 'postgres://nobody@127.0.0.1:1/none', output)).toBe(2);
  expect(err).toContain('ECONNREFUSED');
});

test('the database of DATABASE_URL is left as it was: scenarios have one of their own', async () => {
  const role = `scenarios_${randomBytes(4).toString('hex')}`;
  await database.pool.query(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'own'`);
  const url = new URL(database.url);
  [url.username, url.password] = [role, 'own'];
  const tables = 'SELECT count(*)::int AS rows FROM org';
  const before = (await database.pool.query(tables)).rows;
  expect(await runOn(url.href, { 'good.yaml': good })).toBe(0);
  expect((await database.pool.query(tables)).rows).toEqual(before);
  // A role that still owned a database could not be dropped.
  await database.pool.query(`DROP ROLE ${role}`);
});

test('two scenarios of one organization do not see each other', async () => {
  const spend = `
  - check: {id: r1, target: m, cost: "0.60"}
    expect: {outcome: ALLOW, replayed: false, limits: [{is: org/cap, held: "0"}]}
`;
  const cap = 'policies: {org: {limits: [{name: cap, metric: COST, window: DAY, amount: "1"}]}}\n';
  for (const _ of [1, 2]) expect(await playSteps(cap, spend)).toMatchObject({ passed: true });
});

test('a second organization is the one that the scenario made, and another one is unknown', async () => {
  const steps = `
  - check: {id: r1, org: globex, target: m}
    expect: {error: {code: NOT_FOUND}}
  - put_org: {id: globex, unknown_subjects: DENY}
  - check: {id: r1, org: globex, user: alice, target: m}
    expect: {outcome: DENY, reasons: [SUBJECT_UNKNOWN]}
  - check: {id: r1, user: alice, target: m}
    expect: {outcome: ALLOW, replayed: false}
`;
  for (const _ of [1, 2]) expect(await playSteps('', steps)).toMatchObject({ passed: true });
});

test('a credential alone names its organization where the step says that it has none', async () => {
  const steps = `
  - check: {id: r1, org: null, credential: k1, target: m}
    expect: {outcome: ALLOW}
  - usage: {meter: key:k1, window: DAY}
    expect: {requests: 1}
`;
  expect(await playSteps('keys: [{id: k1}]\n', steps)).toMatchObject({ passed: true });
});

test('what a file calls its organization is what a difference shows', async () => {
  const found = await playSteps(
    'org: {id: initech}\n',
    '  - put_org: {time_zone: Mars/Olympus}\n    expect: {error: {code: NOT_FOUND}}\n',
  );
  expect(found).toMatchObject({ passed: false, step: 1, line: 6 });
  const missing = await playSteps('org: {id: initech}\n', '  - release: {id: none}\n');
  expect(JSON.stringify(missing.differences)).not.toContain('-scenario-');
});

test('values that are wrong are refused by the service, with the field by the name of the step', async () => {
  const steps = `
  - put_policy: {subject: org, limits: [{name: a, metric: COST, window: FORTNIGHT, amount: "1"}]}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: "limits[0].window"}}
  - put_policy: {subject: org, limits: [{name: a, metric: COST, window: DAY, amount: "NaN"}]}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: amount}}
  - put_policy: {subject: org, limits: [{name: a, metric: COST, window: DAY, amount: 1, enabled: sometimes}]}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: enabled}}
  - put_policy: {subject: org, limits: [{name: a, metric: COST, window: DAY, amount: 1, thresholds: [many]}]}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID}}
  - put_policy: {subject: org, limits: [{name: a, metric: COST, window: DAY, amount: 1, action: UNSPECIFIED}]}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: action}}
  - put_user: {id: alice, state: ASLEEP}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: state}}
  - put_org: {month_anchor_day: 1.5}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: month_anchor_day}}
  - put_model: {id: m, tier_rank: high}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: tier_rank}}
  - put_price: {scope: WORLD, subject: m, unit: PER_1M_TOKENS, input: "1", output: "1"}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: scope}}
  - put_key: {id: k1, expires: tomorrow}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: expires}}
  - usage: {meter: org, window: FORTNIGHT}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: window}}
  - check: {id: r1, target: m, input: many}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: input}}
  - check: {id: r1, target: m, cost: "NaN"}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: cost}}
  - check: {id: r1, target: m, ttl: soon}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: ttl}}
  - check: {id: r1, target: m, user: ""}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: user}}
  - check: {id: r1, target: m}
    expect: {outcome: ALLOW, limits_exactly: []}
  - extend: {id: r1, sequence: third, output: 1}
    expect: {error: {code: INVALID_ARGUMENT, reason: FIELD_INVALID, field: sequence}}
`;
  expect(await playSteps('', steps)).toEqual({ file: 'x.yaml', name: 'x', passed: true });
});

test('an extend without a sequence takes the next number, whatever was repeated or refused before', async () => {
  const steps = `
  - check: {id: r1, target: m, input: 1, output: 1}
  - extend: {id: r1, output: 1}
  - extend: {id: r1, output: 2}
    expect: {replayed: false}
  - extend: {id: r1, sequence: 1, output: 1}
    expect: {replayed: true}
  - extend: {id: r1, sequence: 9, output: 1}
    expect: {error: {code: INVALID_ARGUMENT, field: sequence}}
  - extend: {id: r1, output: 3}
    expect: {outcome: ALLOW, replayed: false}
  - usage: {meter: org, window: DAY}
    expect: {held_tokens: 8}
`;
  expect(await playSteps('', steps)).toMatchObject({ passed: true });
});

test('parallel reports what was allowed, also where the service names the calls', async () => {
  const cap = 'policies: {org: {limits: [{name: cap, metric: COST, window: DAY, amount: "1"}]}}\n';
  const steps = `
  - parallel: {count: 5, check: {target: m, cost: "0.30"}, report: {cost: "0.10"}}
    expect: {allowed: 3, denied: 2}
  - usage: {meter: org, window: DAY}
    expect: {cost: "0.30", held_cost: "0", in_flight: 0}
  - parallel: {count: 2, check: {target: ""}}
    expect: {error: {code: INVALID_ARGUMENT, field: target}}
`;
  expect(await playSteps(cap, steps)).toMatchObject({ passed: true });
});

test('an explanation that left a trace would fail, whatever the file expects', async () => {
  const steps = '  - explain: {target: m}\n    expect: {outcome: ALLOW}\n';
  const scenario = readScenario('x.yaml', `name: x\n${head}steps:\n${steps}`);
  // Planted: a client that books a call for each explanation.
  let booked = 0;
  const leaky: Instance = {
    ...instance,
    data: {
      ...instance.data,
      async call(method, request, settings) {
        const answer = await instance.data.call(method, request, settings);
        if (method.name !== 'Explain' || !('orgId' in answer)) return answer;
        const orgId = String(answer.orgId);
        booked += 1;
        await instance.data.call(DecisionService.method.check, { orgId, target: 'm' });
        return answer;
      },
    },
  };
  const found = await playScenario(leaky, scenario);
  expect(booked).toBe(1);
  expect(found).toMatchObject({ passed: false, step: 1, differences: [{ key: 'changed' }] });
  expect(await playScenario(instance, scenario)).toMatchObject({ passed: true });
});

test('an error that was not expected, and one that did not come, both fail the step', async () => {
  const unexpected = await playSteps('', '  - release: {id: never-seen}\n');
  expect(unexpected).toMatchObject({ passed: false, step: 1, differences: [{ key: 'error' }] });
  const missing = await playSteps('', '  - check: {target: m}\n    expect: {error: {}}\n');
  expect(missing).toMatchObject({ passed: false, step: 1, differences: [{ key: 'error' }] });
  const other = '  - release: {id: never-seen}\n    expect: {error: {code: ABORTED, field: id}}\n';
  expect((await playSteps('', other)).differences).toMatchObject([
    { key: 'error.code', expected: 'ABORTED', answered: 'NOT_FOUND' },
    { key: 'error.field', expected: 'id', answered: null },
  ]);
});

test('a set-up that is refused fails the scenario at step 0', async () => {
  const found = await playSteps('teams: [{id: a, parent: a}]\n', '  - expire:\n');
  expect(found).toMatchObject({ passed: false, step: 0, differences: [{ key: 'error' }] });
});
