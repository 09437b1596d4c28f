import { compare } from './expectations.ts';
import type { Difference } from './expectations.ts';
import { isFields } from './form.ts';
import type { Fields, Scenario, Step } from './form.ts';
import type { Instance } from './instance.ts';
import { putPolicy } from './policy-steps.ts';
import { setUp } from './records.ts';
import { Refusal, stepField } from './refusal.ts';
import { playStep } from './steps.ts';
import { textOf } from './values.ts';
import { asWritten } from './world.ts';
import type { World } from './world.ts';

/** How a scenario went: passed, or the step that failed (0: the set-up) and why. */
export interface Played {
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
  readonly step?: number;
  readonly line?: number;
  readonly differences?: readonly Difference[];
}

let played = 0;

/** Plays a scenario in an organization of its own; it ends at the first step that fails. */
export async function playScenario(instance: Instance, scenario: Scenario): Promise<Played> {
  const { file, name, steps } = scenario;
  const org = scenario.setUp['org'];
  const writtenOrgId = (isFields(org) ? textOf(org['id']) : undefined) ?? 'acme';
  played += 1;
  const world: World = {
    instance,
    writtenOrgId,
    orgId: `${writtenOrgId}-scenario-${played}`,
    secrets: new Map(),
    sequences: new Map(),
  };
  instance.clock.nowMs = scenario.startMs;
  const differences = await attempt(undefined, async () => {
    await setUp(world, scenario.setUp, (fields) => putPolicy(world, fields));
    return {};
  });
  if (differences.length > 0) return { file, name, passed: false, step: 0, differences };
  for (const [index, step] of steps.entries()) {
    const found = await playOne(world, step);
    if (found.length === 0) continue;
    const written = found.map((difference) => inWrittenTerms(world, difference));
    const at = { step: index + 1, line: step.line };
    return { file, name, passed: false, ...at, differences: written };
  }
  return { file, name, passed: true };
}

async function playOne(world: World, step: Step): Promise<Difference[]> {
  const play = playStep[step.kind];
  if (play === undefined) throw new Error(`no step is called ${step.kind}`);
  return attempt(step.expect, () => play(world, step.fields));
}

/** Plays, and compares the answer or the error with what is expected. */
async function attempt(
  expect: Fields | undefined,
  play: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<Difference[]> {
  const error = expect?.['error'];
  try {
    const answer = await play();
    if (isFields(error)) return [{ key: 'error', expected: error, answered: answer }];
    return expect === undefined ? [] : compare(expect, answer);
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    const { refused } = cause;
    if (!isFields(error)) return [{ key: 'error', expected: null, answered: cause.message }];
    const field = refused.field === undefined ? null : stepField(refused.field);
    return compareError(error, { ...refused, field });
  }
}

function compareError(
  expected: Fields,
  answered: { code: string; reason: string | undefined; field: string | null; message: string },
): Difference[] {
  const { field, ...rest } = expected;
  const found = compare(rest, { code: answered.code, reason: answered.reason });
  const wanted = textOf(field);
  const isField =
    wanted === undefined || answered.field === wanted || answered.field?.startsWith(`${wanted}[`);
  if (isField !== true) found.push({ key: 'field', expected: wanted, answered: answered.field });
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
