import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { test as play } from '../../src/cli/test.ts';
import { durationMs } from '../../src/scenario/duration.ts';
import { compare } from '../../src/scenario/expectations.ts';
import { MalformedScenario, readScenario } from '../../src/scenario/form.ts';
import { stepField } from '../../src/scenario/refusal.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let folder: string;
let written: string;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-runner-'));
  written = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const head = 'start: 2026-03-10T09:00:00Z\nmodels: [{id: m}]\n';

async function run(files: Record<string, string>, ...options: string[]): Promise<number> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return play([folder, ...options], database.url, (text) => (written += text));
}

test('a failed scenario names its step and shows what was expected and answered, and the exit status is 1', async () => {
  // The database is new to this file, so the instance starts; the next test needs none.
  const status = await run({
    'good.yaml': `name: good\n${head}steps:\n  - check: {id: a, target: m}\n    expect: {outcome: ALLOW}\n`,
    'bad.yaml': `name: bad\n${head}steps:\n  - advance: 1s\n  - check: {id: a, target: m}\n    expect: {outcome: DENY}\n`,
  });
  expect(status).toBe(1);
  expect(written).toContain('ok    good');
  expect(written).toMatch(
    /FAIL {2}bad\n.*bad\.yaml:6, step 2\n\s+outcome\n\s+expected "DENY"\n\s+answered "ALLOW"/,
  );
  expect(written.endsWith('1 passed, 1 failed\n')).toBe(true);
});

test('a malformed file ends with status 2 before anything is played', async () => {
  const status = await run({ 'x.yaml': `name: x\n${head}stepz: []\nsteps: []\n` });
  expect(status).toBe(2);
  expect(written).toBe('');
});

test('an unknown key is named with its file and line, wherever it stands', () => {
  const read = (text: string) => () => readScenario('f.yaml', text);
  expect(read(`name: x\n${head}steps:\n  - check: {id: a, targt: m}\n`)).toThrow(
    new MalformedScenario('f.yaml:5: check.targt: unknown key'),
  );
  expect(read(`name: x\n${head}users: [{id: a, teem: b}]\nsteps: []\n`)).toThrow(
    new MalformedScenario('f.yaml:4: users.teem: unknown key'),
  );
  expect(read(`name: x\n${head}steps:\n  - chek: {}\n`)).toThrow(/f\.yaml:5: chek: unknown step/);
  expect(
    read(`name: x\n${head}steps:\n  - check: {target: m}\n    expect: {outcom: ALLOW}\n`),
  ).toThrow(/f\.yaml:6: check\.expect\.outcom: unknown key/);
});

test('numbers are compared as numbers, exactly, and null expects absence', () => {
  const answer = { cost: '20000000.000000001', retry_after: null, tokens: 9007199254740993n };
  expect(compare({ cost: '20000000.000000001', retry_after: null }, answer)).toEqual([]);
  expect(compare({ cost: '20000000.000000002' }, answer)).toHaveLength(1);
  expect(compare({ cost: '20000000.0000000010' }, answer)).toEqual([]);
  expect(compare({ tokens: 9007199254740992n }, answer)).toHaveLength(1);
  expect(compare({ retry_after: '1s' }, answer)).toHaveLength(1);
});

test('durations are read in every unit, and what is none is none', () => {
  expect(durationMs('90s')).toBe(90_000);
  expect(durationMs('31d')).toBe(31 * 86_400_000);
  expect(durationMs('1h30m')).toBe(5_400_000);
  expect(durationMs('-5s')).toBe(-5_000);
  expect(durationMs('5 s')).toBeUndefined();
});

test('a field of the service is called as the step calls it', () => {
  expect(stepField('estimate.input_tokens')).toBe('input');
  expect(stepField('org_id')).toBe('org');
  expect(stepField('subjects.teams[1]')).toBe('teams[1]');
  expect(stepField('policy.limits[0].amount')).toBe('limits[0].amount');
  expect(stepField('prices[0].rates[0].input')).toBe('input');
});
