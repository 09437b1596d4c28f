import { describe, expect, test } from 'vitest';
import { durationMs, instantMs } from '../../src/scenario/duration.ts';
import { MalformedScenario, readScenario } from '../../src/scenario/form.ts';
import { isFieldNamed, stepField } from '../../src/scenario/refusal.ts';
import { durationOf, nanosOf, smallWholeOf, wholeOf } from '../../src/scenario/values.ts';

const head = 'name: x\nstart: 2026-03-10T09:00:00Z\n';

/** The faults of a file, without its name. */
function faultsOf(text: string): string[] {
  try {
    readScenario('f.yaml', text);
    return [];
  } catch (error) {
    if (!(error instanceof MalformedScenario)) throw error;
    return error.faults.map((fault) => fault.replace(/^f\.yaml:/, ''));
  }
}

describe('a malformed file', () => {
  test.each([
    ['an unknown key of the file', 'stepz: []\nsteps: []\n', '3: stepz: unknown key'],
    [
      'an unknown key of the set-up',
      'users: [{id: a, teem: b}]\nsteps: []\n',
      '3: users.teem: unknown key',
    ],
    [
      'an unknown key of a policy',
      'policies:\n  org:\n    limits:\n      - {name: a, metrik: COST}\nsteps: []\n',
      '6: policies.org.limits.metrik: unknown key',
    ],
    ['an unknown step', 'steps:\n  - chek: {}\n', '4: chek: unknown step'],
    [
      'an unknown key of a step',
      'steps:\n  - check: {id: a, targt: m}\n',
      '4: check.targt: unknown key',
    ],
    [
      'an unknown key of an expectation',
      'steps:\n  - check: {target: m}\n    expect: {outcom: ALLOW}\n',
      '5: check.expect.outcom: unknown key',
    ],
    [
      'an unknown key of a considered limit',
      'steps:\n  - check: {target: m}\n    expect: {limits: [{is: org/a, uzed: 1}]}\n',
      '5: check.expect.limits.uzed: unknown key',
    ],
    [
      'a considered limit without a name',
      'steps:\n  - check: {target: m}\n    expect: {limits: [{used: 1}]}\n',
      '5: check.expect.limits.is: is missing',
    ],
    [
      'an expectation that the step has not',
      'steps:\n  - advance: 1s\n    expect: {allowed: 1}\n',
      '5: advance.expect.allowed: unknown key',
    ],
    [
      'an error beside other expectations',
      'steps:\n  - check: {target: m}\n    expect: {error: {}, outcome: ALLOW}\n',
      '5: check.expect.error: excludes every other expectation',
    ],
    [
      'two steps in one',
      'steps:\n  - check: {target: m}\n    expire:\n',
      '4: steps: one step is both check and expire',
    ],
    [
      'an inherited name as a step',
      'steps:\n  - constructor: {}\n',
      '4: constructor: unknown step',
    ],
    ['a limit that is no list', 'policies: {org: {limits: {name: a}}}\nsteps: []\n', /3: .*list/],
    ['teams that are no list', 'steps:\n  - check: {teams: red, target: m}\n', /4: check\.teams:/],
    ['a list as a value', 'steps:\n  - check: {user: [a], target: m}\n', /4: check\.user:/],
    ['an instant without a zone', 'steps:\n  - at: 2026-03-10T09:00:00\n', /4: at: expected an/],
    ['a duration without a unit', 'steps:\n  - advance: 90\n', /4: advance: expected a duration/],
    ['a parallel without a count', 'steps:\n  - parallel: {check: {}}\n', /4: parallel\.count:/],
    ['a text for a flag', 'steps:\n  - report: {id: a, partial: maybe}\n', /4: report\.partial:/],
    ['fields of a sweep', 'steps:\n  - expire: {org: acme}\n', /4: expire: expected nothing/],
    ['a key that stands twice', 'steps: []\nsteps: []\n', /4: Map keys must be unique/],
    ['text that is no YAML', 'steps: [}\n', /^3: /],
    ['no steps', '', /: steps: is missing/],
  ])('is reported with its line and key: %s', (_, text, fault) => {
    expect(faultsOf(head + text)[0]).toMatch(fault);
  });

  test('shows all its faults at once', () => {
    const text = 'name: x\nstart: noon\nuser: []\nsteps: [{check: {tarjet: m}}, {wait: 1s}]\n';
    expect(faultsOf(text)).toEqual([
      '2: start: expected an instant like 2026-03-10T09:00:00Z',
      '3: user: unknown key',
      '4: check.tarjet: unknown key',
      '4: wait: unknown step',
    ]);
  });

  test('may be empty, or a list', () => {
    expect(faultsOf('')[0]).toBe('1: expected keys and values');
    expect(faultsOf('- a\n')[0]).toBe('1: expected keys and values');
  });
});

describe('a file', () => {
  test('keeps every number as it is written, whatever a float would make of it', () => {
    const { steps } = readScenario(
      'f.yaml',
      `${head}steps:\n  - check: {id: 007, cost: 20000000.000000001, input: 9007199254740993}\n`,
    );
    const fields = { id: '007', cost: '20000000.000000001', input: '9007199254740993' };
    expect(steps[0]?.fields).toEqual(fields);
  });

  test('may repeat a part by an alias, keys of which are checked all the same', () => {
    const text = (key: string): string =>
      `${head}steps:\n  - check: &c {id: a, ${key}: m}\n  - explain: *c\n`;
    // An explanation has no request id.
    expect(faultsOf(text('target'))).toEqual(['4: explain.id: unknown key']);
    const { steps } = readScenario(
      'f.yaml',
      `${head}steps:\n  - explain: &c {target: m}\n  - explain: *c\n`,
    );
    expect(steps[1]).toEqual({ kind: 'explain', line: 5, fields: { target: 'm' }, expect: {} });
  });
});

test('durations are read in every unit, and what is none is none', () => {
  expect(durationMs('90s')).toBe(90_000);
  expect(durationMs('1.5s')).toBe(1_500);
  expect(durationMs('31d')).toBe(31 * 86_400_000);
  expect(durationMs('1h30m')).toBe(5_400_000);
  expect(durationMs('-5s')).toBe(-5_000);
  expect(durationMs('5 s')).toBeUndefined();
  expect(durationMs(`${'9'.repeat(400)}d`)).toBeUndefined();
  expect(instantMs('2026-03-10T10:00:00+01:00')).toBe(Date.UTC(2026, 2, 10, 9));
  expect(instantMs('2026-02-30T00:00:00')).toBeUndefined();
});

test('a value that a field cannot hold is sent as one that is refused in the same way', () => {
  expect(wholeOf('9223372036854775807')).toBe(9_223_372_036_854_775_807n);
  expect(wholeOf('-5')).toBe(-5n);
  for (const text of ['9223372036854775808', '-9999999999999999999', '1.5', 'NaN', '']) {
    expect(wholeOf(text)).toBe(-1n);
  }
  expect(nanosOf('0.000000001')).toBe(1n);
  expect(nanosOf('-0.01')).toBe(-10_000_000n);
  for (const text of ['-0', 'NaN', '1e3', '0.0000000001', '9223372036.854775808', '']) {
    expect(nanosOf(text)).toBe(-1n);
  }
  expect(smallWholeOf('2147483648')).toBe(-1);
  expect(durationOf('-1.5s')).toEqual({ seconds: -1n, nanos: -500_000_000 });
  expect(durationOf('soon')).toEqual({ seconds: 0n, nanos: -1 });
  expect(nanosOf(null)).toBeUndefined();
});

test('a field of the service is called as the step calls it', () => {
  expect(stepField('estimate.input_tokens')).toBe('input');
  expect(stepField('org_id')).toBe('org');
  expect(stepField('subjects.teams[1]')).toBe('teams[1]');
  expect(stepField('policy.limits[0].amount')).toBe('limits[0].amount');
  expect(stepField('prices[0].rates[0].input')).toBe('input');
  for (const written of ['limits', 'limits[0]', 'limits[0].amount', 'amount']) {
    expect(isFieldNamed('policy.limits[0].amount', written)).toBe(true);
  }
  expect(isFieldNamed('policy.access.allow[2]', 'allow')).toBe(true);
  expect(isFieldNamed('policy.limits[0].amount', 'limit')).toBe(false);
  expect(isFieldNamed('policy.limits[0].amount', 'name')).toBe(false);
});
