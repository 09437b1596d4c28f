import type { Raise } from '../../src/core/raise.ts';
import { parseSubject } from '../../src/core/subject.ts';
import type { Subject } from '../../src/core/subject.ts';

/** A raise of a limit, `tier:pro/daily`, of COST in a DAY unless something else is said. */
export type SaidRaise = Partial<Pick<Raise, 'id' | 'metric' | 'window' | 'untilMs'>> & {
  readonly of: string;
  readonly for?: string;
  readonly add?: bigint;
  readonly amount?: bigint;
};

/** A raise as the core has it. */
export function raiseOf(said: SaidRaise, index: number): Raise {
  const { of, for: whom, add, amount, ...rest } = said;
  const slash = of.lastIndexOf('/');
  const metric = said.metric ?? 'COST';
  return {
    id: `raise-${index}`,
    subject: subjectOf(of.slice(0, slash)),
    limitName: of.slice(slash + 1),
    appliesTo: whom === undefined ? undefined : subjectOf(whom),
    kind: add === undefined ? 'AMOUNT' : 'ADD',
    amount: add ?? amount ?? 0n,
    untilMs: Infinity,
    window: metric === 'CONCURRENCY' ? undefined : 'DAY',
    ...rest,
    metric,
  };
}

/** A subject by its text. */
export function subjectOf(text: string): Subject {
  const subject = parseSubject(text);
  if (subject === undefined) throw new Error(`no subject: ${text}`);
  return subject;
}
