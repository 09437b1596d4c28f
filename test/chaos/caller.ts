import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import { textOf } from './asking.ts';
import type { Asker } from './asking.ts';
import type { Answer, Operation, Refused, Way } from './gate.ts';
import type { Journal } from './journal.ts';
import { acknowledge, doubt } from './reference.ts';
import type { Effect, ReferenceCall } from './reference.ts';
import type { ReplicaIndex } from './replica.ts';

/** An operation, and what the reference makes of it. */
export interface Step {
  readonly call: ReferenceCall;
  readonly operation: Operation;
  /** The effect of an answer. */
  readonly effectOf: (answer: Answer) => Effect;
  /** The effects that it may have had when no answer came. */
  readonly possible: readonly Effect[];
}

/** What became of a step: an answer, a refusal that says nothing happened, or undefined: the result is not known. */
export type StepResult = Answer | Refused | undefined;

/** Asks for a step until it is answered or its time is up, as gateways do: with the same id, at either replica. */
export type TakeStep = (step: Step) => Promise<StepResult>;

const waitMs = 100;
const ways = ['unary', 'unary', 'unary', 'session', 'session', 'batch'] as const;

/** A caller whose habits are drawn again for each step. */
export function createCaller(parts: {
  readonly random: Random;
  readonly asker: Asker;
  readonly journal: Journal;
}): TakeStep {
  const { random, asker, journal } = parts;

  async function once(
    step: Step,
    replica: ReplicaIndex,
    isFirst: boolean,
    firstSentMs: number,
  ): Promise<StepResult> {
    const way: Way = random.pick(ways);
    const promises = { call: step.call, isFirst, firstSentMs };
    const result = await asker.tryOnce(replica, step.operation, way, promises);
    return result.case === 'doubt' ? undefined : result;
  }

  async function untilResult(step: Step, home: ReplicaIndex): Promise<StepResult> {
    const firstSentMs = Date.now();
    const tries = random.pick([1, 2, 4, 8]);
    const isTwin = random.between(0, 9) === 0;
    if (isTwin) {
      const both = [once(step, 0, false, firstSentMs), once(step, 1, false, firstSentMs)];
      return sameOf(await Promise.all(both));
    }
    for (let at = 0; at < tries; at += 1) {
      if (at > 0) await delay(waitMs);
      const replica = (home + at) % 2 === 0 ? 0 : 1;
      const result = await once(step, replica, at === 0, firstSentMs);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** Of two answers to one request that came side by side, one; they must be equal. */
  function sameOf(both: readonly StepResult[]): StepResult {
    const answers = both.filter((result) => result !== undefined && result.case !== 'refused');
    const [first, second] = answers.map((answer) => ({ answer, text: textOf(answer) }));
    if (first === undefined) return both.find((result) => result !== undefined);
    // Only an answer that is kept is one: a Check that was let pass without the store was not.
    const isKept = [first, second].every((one) => one === undefined || !isDegraded(one.answer));
    if (second !== undefined && isKept && first.text !== second.text) {
      journal.violated('one request has one answer', `${first.text}\n    ${second.text}`);
    }
    return answers.find((answer) => !isDegraded(answer)) ?? first.answer;
  }

  return async (step) => {
    const { call, operation } = step;
    const result = await untilResult(step, random.pick([0, 1]));
    if (result === undefined || isDegraded(result)) {
      doubt(call, step.possible);
      return result === undefined ? undefined : { ...result };
    }
    if (result.case === 'refused') return result;
    if (!acknowledge(call, step.effectOf(result))) {
      const stands = call.standings.map(({ state }) => state).join(' or ');
      const evidence = `${call.requestId}, which is ${stands}: ${textOf(result)}`;
      journal.violated('an answer agrees with those before it', evidence);
    }
    journal.acknowledged.push({ call, operation, answer: result });
    return result;
  };
}

/** A Check that was let pass without the store: nothing is held by it. */
export function isDegraded(result: Answer | Refused): boolean {
  return result.case === 'check' && result.value.degraded;
}
