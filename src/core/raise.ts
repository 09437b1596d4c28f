import type { Metric, Window } from './policy.ts';
import type { Subject } from './subject.ts';
import { maxInt64 } from './totals.ts';

/**
 * A temporary raise of the limit of one name in the policy of one subject. It belongs to the name: it holds as long as
 * that policy has an enabled limit of this name, metric and window, in whichever revision.
 */
export interface Raise {
  readonly id: string;
  /** Declares the limit. */
  readonly subject: Subject;
  readonly limitName: string;
  readonly metric: Metric;
  /** Undefined for CONCURRENCY. */
  readonly window: Window | undefined;
  /** For whom the limit is raised; undefined: for all that it applies to. */
  readonly appliesTo: Subject | undefined;
  /** ADD: `amount` more than the limit has; AMOUNT: `amount` in place of it, if that is more. */
  readonly kind: 'ADD' | 'AMOUNT';
  /** In the metric's unit. */
  readonly amount: bigint;
  /** The first instant at which it is over, milliseconds since 1970. */
  readonly untilMs: number;
}

/** A raise that is in force for a limit, and what it adds to its amount. */
export interface AppliedRaise {
  readonly id: string;
  readonly untilMs: number;
  /** More than 0. */
  readonly added: bigint;
}

/** What a raised limit has beside the amount that is in force. */
export interface Raised {
  /** The amount that its policy declares. */
  readonly declared: bigint;
  /** What they add, added to that, is the amount in force. */
  readonly applied: readonly AppliedRaise[];
}

/** The subject by which a raise is found: for whom it is, else the one that declares the limit. */
export function raiseOwner({ subject, appliesTo }: Pick<Raise, 'subject' | 'appliesTo'>): Subject {
  return appliesTo ?? subject;
}

/**
 * What raises make of a declared amount at an instant: the largest of the declared amount and the new amounts, and then
 * all that is added, up to the largest int64. So their order does not matter. Undefined where none adds anything.
 */
export function raisedAt(
  declared: bigint,
  raises: readonly Raise[],
  atMs: number,
): (Raised & { readonly amount: bigint }) | undefined {
  const inForce = raises.filter(({ untilMs }) => atMs < untilMs).toSorted(byEnd);
  const applied: AppliedRaise[] = [];
  let amount = declared;
  const apply = ({ id, untilMs }: Raise, to: bigint): void => {
    const after = to > maxInt64 ? maxInt64 : to;
    if (after <= amount) return;
    applied.push({ id, untilMs, added: after - amount });
    amount = after;
  };
  const largest = inForce
    .filter(({ kind }) => kind === 'AMOUNT')
    .reduce<Raise | undefined>(
      (a, b) => (a === undefined || b.amount > a.amount ? b : a),
      undefined,
    );
  if (largest !== undefined) apply(largest, largest.amount);
  for (const raise of inForce) if (raise.kind === 'ADD') apply(raise, amount + raise.amount);
  return applied.length === 0 ? undefined : { declared, applied, amount };
}

/** The one that ends last first, so that of equal ones the answer names that. */
function byEnd(a: Raise, b: Raise): number {
  return b.untilMs - a.untilMs || (a.id < b.id ? -1 : 1);
}
