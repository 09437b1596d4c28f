import { memoizeByObject } from './memoize-by-object.ts';
import type { Limit, LimitFor, Policy } from './policy.ts';
import type { Subject } from './subject.ts';

/** One declaration of a slot (metric, window, targets): all its limits, of one policy, taken together. */
export interface Declaration {
  readonly policy: Policy;
  readonly limits: readonly Limit[];
}

/** Declarations by slot. */
export type Slots = ReadonlyMap<string, Declaration>;

const none: Slots = new Map();

/** The enabled limits that a policy declares for someone, by slot. A disabled limit counts as absent. */
export function declaredFor(policy: Policy | undefined, forText: string): Slots {
  return policy === undefined ? none : (groupedLimits(policy).get(forText) ?? none);
}

/** The `for` with which an organization or a team reaches a subject: `USER`, `LABEL:feature`. */
export function defaultFor(subject: Subject): string | undefined {
  switch (subject.kind) {
    case 'user':
      return 'USER';
    case 'key':
      return 'KEY';
    case 'customer':
      return 'CUSTOMER';
    case 'principal':
      return 'PRINCIPAL';
    case 'app':
      return 'APP';
    case 'team':
      return 'TEAM';
    case 'label':
      return `LABEL:${subject.id.slice(0, subject.id.indexOf('='))}`;
    case 'org':
    case 'tier':
    case 'token':
      return undefined;
  }
}

/** Whether a limit that a subject declares may be for another one, by its kind alone: who is below whom is not looked at. */
export function reachesSubject(declared: LimitFor, declaring: Subject, subject: Subject): boolean {
  if (declared.kind === 'SELF') {
    return subject.kind === declaring.kind && subject.id === declaring.id;
  }
  if (declared.kind === 'MEMBER') return subject.kind === 'user';
  return defaultFor(subject) === textOf(declared);
}

const groupedLimits = memoizeByObject((policy: Policy): ReadonlyMap<string, Slots> => {
  const declared = new Map<string, Map<string, { policy: Policy; limits: Limit[] }>>();
  for (const limit of policy.limits) {
    if (!limit.enabled) continue;
    const forText = textOf(limit.for);
    const slots = declared.get(forText) ?? new Map<string, { policy: Policy; limits: Limit[] }>();
    declared.set(forText, slots);
    const slot = slotOf(limit);
    const known = slots.get(slot);
    if (known === undefined) slots.set(slot, { policy, limits: [limit] });
    else known.limits.push(limit);
  }
  return declared;
});

function textOf(declared: LimitFor): string {
  return declared.kind === 'LABEL' ? `LABEL:${declared.key}` : declared.kind;
}

/** Target names have no white space, so a space distinguishes `a,b` from `a` and `b`. */
function slotOf({ metric, window, targets }: Limit): string {
  return `${metric} ${window ?? '-'} ${targets.join(' ')}`;
}
