import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createUndoList } from '../platform/undo.ts';
import { MalformedScenario, readScenario } from '../scenario/form.ts';
import type { Scenario } from '../scenario/form.ts';
import { startInstance } from '../scenario/instance.ts';
import { playScenario, toText } from '../scenario/play.ts';
import type { Played } from '../scenario/play.ts';
import { readArguments, wrongUse } from './arguments.ts';
import { inWords } from './in-words.ts';

/** Where the command writes. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const standardOutput: Output = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/**
 * `tollgate test DIR [--only NAME] [--json] [--citus]`: plays every scenario below DIR, with --citus in a distributed
 * database on the server of DATABASE_URL. Exit 1 if any failed; 2 if a
 * file is malformed, the command is wrong or no instance can be started; 130 when interrupted.
 */
export async function test(
  args: readonly string[],
  databaseUrl: string | undefined,
  { out, err }: Output = standardOutput,
): Promise<number> {
  const complain = (text: string): number => {
    err(`tollgate test: ${text}\n`);
    return 2;
  };
  try {
    const { folder, only, json, citus } = readOptions(args);
    if (citus && databaseUrl === undefined) throw new Error('--citus needs DATABASE_URL');
    const scenarios = readScenarios(folder, only);
    if (scenarios.length === 0) err(`tollgate test: no *.yaml below ${folder}\n`);
    const results: Played[] = [];
    const isInterrupted = await play(scenarios, { databaseUrl, citus }, (result) => {
      results.push(result);
      if (!json) out(inLines(result));
    });
    return isInterrupted ? 130 : conclude(results, json, out);
  } catch (error) {
    if (error instanceof MalformedScenario) return Math.max(...error.faults.map(complain));
    return complain(inWords(error));
  }
}

/** Plays one scenario after another; whether it was interrupted before the last. */
async function play(
  scenarios: readonly Scenario[],
  { databaseUrl, citus }: { readonly databaseUrl: string | undefined; readonly citus: boolean },
  onPlayed: (result: Played) => void,
): Promise<boolean> {
  const interruption = watchInterruption();
  const undo = createUndoList();
  undo.add(() => interruption.end());
  try {
    const instance = await startInstance(databaseUrl, { citus });
    undo.add(() => instance.close());
    for (const scenario of scenarios) {
      if (interruption.signal.aborted) return true;
      onPlayed(await playScenario(instance, scenario));
    }
    return false;
  } finally {
    await undo.run();
  }
}

function conclude(results: readonly Played[], isJson: boolean, out: Output['out']): number {
  const passed = results.filter((result) => result.passed).length;
  const failed = results.length - passed;
  if (isJson) out(`${toText({ passed, failed, scenarios: results })}\n`);
  else out(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

function readOptions(args: readonly string[]) {
  const use = 'tollgate test DIR [--only NAME] [--json] [--citus]';
  const options = {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    citus: { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = readArguments(use, args, options, 1);
  const [folder] = positionals;
  if (folder === undefined) throw wrongUse(use, 'no folder is given');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${folder} is not a folder`);
  }
  return { folder, ...values };
}

/** Every `*.yaml` below a folder, by path, or the one that is named; the faults of all files at once. */
function readScenarios(folder: string, only: string | undefined): readonly Scenario[] {
  const faults: string[] = [];
  const files = new Map<string, Scenario>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!file.endsWith('.yaml')) continue;
    const path = join(folder, file);
    try {
      const scenario = readScenario(path, readFileSync(path, 'utf8'));
      const other = files.get(scenario.name);
      if (other === undefined) files.set(scenario.name, scenario);
      else faults.push(`${path}:${scenario.line}: name: ${other.file} has the same`);
    } catch (error) {
      if (!(error instanceof MalformedScenario)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new MalformedScenario(faults);
  if (only === undefined) return [...files.values()];
  const named = files.get(only);
  if (named === undefined) throw new Error(`no scenario below ${folder} is called ${only}`);
  return [named];
}

/**
 * A first SIGINT or SIGTERM, or a standard output that nobody reads any more, ends the playing after the scenario under
 * way; a second signal ends the process.
 */
function watchInterruption(): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  const onReaderGone = (): void => controller.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  process.stdout.on('error', onReaderGone);
  return {
    signal: controller.signal,
    end: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  };
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
