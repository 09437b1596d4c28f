import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readScenario } from '../../src/scenario/form.ts';
import { startInstance } from '../../src/scenario/instance.ts';
import type { Instance } from '../../src/scenario/instance.ts';
import { playScenario } from '../../src/scenario/play.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const folder = join(import.meta.dirname, '../scenarios');
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

/** The scenarios that are expected to pass. The list only grows; a file that is not on it fails below. */
const expected: readonly string[] = JSON.parse(
  readFileSync(join(folder, 'expected.json'), 'utf8'),
) as string[];

test('every scenario file is expected to pass, and every expected one is there', () => {
  expect(files.toSorted()).toEqual([...expected].toSorted());
});

test('every rule that a scenario names is a section of the semantics', () => {
  const semantics = readFileSync(join(import.meta.dirname, '../../docs/semantics.md'), 'utf8');
  const sections = [...semantics.matchAll(/^#+ (\d(?:\.\d)?)\.? /gm)].map(([, number]) => number);
  const rules = files.flatMap((file) => {
    const { setUp } = readScenario(file, readFileSync(join(folder, file), 'utf8'));
    const { rule } = setUp;
    return typeof rule === 'string' ? rule.split(', ') : ['none'];
  });
  expect([...new Set(rules)].filter((rule) => !sections.includes(rule))).toEqual([]);
});

describe.each(['mixed', 'per-org'])('with %s batches the scenario', (batch) => {
  let database: TestDatabase;
  let instance: Instance;

  beforeAll(async () => {
    database = await createTestDatabase();
    instance = await startInstance(database.url, { settings: { TOLLGATE_BATCH: batch } });
  });

  afterAll(async () => {
    await instance.close();
    await database.drop();
  });

  for (const file of expected) {
    const scenario = readScenario(file, readFileSync(join(folder, file), 'utf8'));
    test(scenario.name, async () => {
      expect(await playScenario(instance, scenario)).toEqual({
        file,
        name: scenario.name,
        passed: true,
      });
    });
  }
});
