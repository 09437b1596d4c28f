import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MalformedScenario, readScenario } from '../scenario/form.ts';
import type { Scenario } from '../scenario/form.ts';
import { startInstance } from '../scenario/instance.ts';
import { playScenario, toText } from '../scenario/play.ts';
import type { Played } from '../scenario/play.ts';

/**
 * `tollgate test DIR`: plays every scenario below DIR. Exit 1 if any failed, 2 if a file is malformed or the
 * call is wrong.
 */
export async function test(
  args: readonly string[],
  databaseUrl: string | undefined,
  write: (text: string) => void = (text) => process.stdout.write(text),
): Promise<number> {
  let scenarios: Scenario[];
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(args);
    scenarios = readScenarios(options.folder).filter(
      ({ name }) => options.only === undefined || name === options.only,
    );
  } catch (error) {
    process.stderr.write(
      `tollgate test: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 2;
  }
  const instance = await startInstance(databaseUrl);
  const results: Played[] = [];
  try {
    for (const scenario of scenarios) {
      const result = await playScenario(instance, scenario);
      results.push(result);
      if (!options.json) write(inLines(result));
    }
  } finally {
    await instance.close();
  }
  const passed = results.filter((result) => result.passed).length;
  const failed = results.length - passed;
  if (options.json) write(`${toText({ passed, failed, scenarios: results })}\n`);
  else write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

function readOptions(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { only: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw new Error('expected one folder');
  return { folder, only: values.only, json: values.json };
}

/** Every `*.yaml` below a folder, by path; two of one name are refused. */
function readScenarios(folder: string): Scenario[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${folder} is not a folder`);
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file))
    .toSorted();
  const scenarios = files.map((file) => readScenario(file, readFileSync(file, 'utf8')));
  for (const [index, { name, file }] of scenarios.entries()) {
    const other = scenarios.findIndex((scenario) => scenario.name === name);
    if (other < index) throw new MalformedScenario(`${file}:1: name: stands there twice: ${name}`);
  }
  return scenarios;
}

function inLines({ name, passed, step, line, file, differences = [] }: Played): string {
  if (passed) return `ok    ${name}\n`;
  const where = step === 0 ? `${file}, set-up` : `${file}:${line}, step ${step}`;
  const lines = differences.map(
    ({ key, expected, answered }) =>
      `        ${key}\n          expected ${toText(expected)}\n          answered ${toText(answered)}\n`,
  );
  return `FAIL  ${name}\n      ${where}\n${lines.join('')}`;
}
