import { compare } from './expectations.ts';
import type { Difference } from './expectations.ts';
import { fieldsOf, isFields } from './form.ts';
import type { Fields, Scenario, Step } from './form.ts';
import type { Instance } from './instance.ts';
import { putPolicy } from './policy-steps.ts';
import { setUp } from './records.ts';
import { Refusal, isFieldNamed, stepField } from './refusal.ts';
import type { Refused } from './refusal.ts';
import { alwaysExpected, playStep } from './steps.ts';
import { textOf } from './values.ts';
import { asWritten, createWorld } from './world.ts';
import type { World } from './world.ts';

/** How a scenario went: passed, or the step that failed (0: the set-up), its line, and why. */
export interface Played {
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
  readonly step?: number;
  readonly line?: number;
  readonly differences?: readonly Difference[];
}

/**
 * Plays a scenario in an organization of its own; it ends at the first step that fails. One that changes the platform's
 * catalog, which every organization of an instance inherits, is played on an instance of its own.
 */
export async function playScenario(instance: Instance, scenario: Scenario): Promise<Played> {
  if (!scenario.isOfPlatform) return playOn(instance, scenario);
  const own = await instance.another();
  try {
    return await playOn(own, scenario);
  } finally {
    await own.close();
  }
}

async function playOn(instance: Instance, scenario: Scenario): Promise<Played> {
  const { file, name, setUp: content, steps } = scenario;
  const world = createWorld(instance, textOf(fieldsOf(content['org'])['id']) ?? 'acme');
  instance.clock.nowMs = scenario.startMs;
  const failed = (
    at: { readonly step: number; readonly line?: number },
    differences: readonly Difference[],
  ): Played => {
    const written = differences.map((difference) => inWrittenTerms(world, difference));
    return { file, name, passed: false, ...at, differences: written };
  };
  const refused = await attempt({}, async () => {
    await setUp(world, content, (fields) => putPolicy(world, fields));
    return {};
  });
  if (refused.length > 0) return failed({ step: 0 }, refused);
  for (const [index, step] of steps.entries()) {
    const differences = await playOne(world, step);
    if (differences.length > 0) return failed({ step: index + 1, line: step.line }, differences);
  }
  return { file, name, passed: true };
}

function playOne(world: World, { kind, fields, expect }: Step): Promise<readonly Difference[]> {
  const play = playStep[kind];
  if (play === undefined) throw new Error(`no step is called ${kind}`);
  return attempt({ ...expect, ...alwaysExpected[kind] }, () => play(world, fields));
}

/** Plays, and compares the answer or the error with what is expected. */
async function attempt(
  expect: Fields,
  play: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<readonly Difference[]> {
  const { error } = expect;
  const isRefusalExpected = isFields(error);
  try {
    const answer = await play();
    if (isRefusalExpected) return [{ key: 'error', expected: error, answered: answer }];
    return compare(expect, answer);
  } catch (cause) {
    if (cause instanceof Refusal && isRefusalExpected) return compareError(error, cause.refused);
    // Whatever else went wrong is this step's failure, and the other scenarios are played all the same.
    const answered = cause instanceof Error ? cause.message : String(cause);
    return [{ key: 'error', expected: error ?? null, answered }];
  }
}

function compareError(expected: Fields, refused: Refused): readonly Difference[] {
  const { field, metadata, ...rest } = expected;
  const found = compare(rest, { code: refused.code, reason: refused.reason });
  const said = isFields(metadata) ? compare(metadata, refused.metadata) : [];
  found.push(...said.map((difference) => ({ ...difference, key: `metadata.${difference.key}` })));
  const answered = refused.field === undefined ? null : stepField(refused.field);
  const isField =
    field === undefined ||
    (field === null || refused.field === undefined
      ? field === answered
      : isFieldNamed(refused.field, String(field)));
  if (!isField) found.push({ key: 'field', expected: field, answered });
  return found.map((difference) => ({ ...difference, key: `error.${difference.key}` }));
}

function inWrittenTerms(world: World, difference: Difference): Difference {
  const text = asWritten(world, toText(difference.answered));
  return { ...difference, answered: JSON.parse(text) as unknown };
}

/** JSON of anything, bigint as a number's text. */
export function toText(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'bigint' ? part.toString() : part,
    ) ?? 'null'
  );
}
