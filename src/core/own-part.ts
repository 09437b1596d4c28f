import type { Estimate, TargetFacts } from './call.ts';
import type { Hold } from './plan.ts';
import { addUnits } from './units.ts';

/** What is held for a call, and of what. */
export interface HeldParts {
  readonly target: TargetFacts;
  /** The Check's estimate and what Extends added; its cost is defined if the Check gave one. */
  readonly estimate: Estimate;
  readonly held: Hold;
  /** The part of the hold whose cost the caller gave; undefined: none, or of a call without Extends all. */
  readonly own?: Estimate | undefined;
}

/** The part of a hold whose cost the caller gave itself, with that cost; undefined: none. */
export function ownPart({ estimate, held, own }: Omit<HeldParts, 'target'>): Estimate | undefined {
  if (own !== undefined || estimate.cost === undefined) return own;
  return { ...estimate, input: held.input, output: held.output };
}

/** The same once an Extend was allowed. */
export function ownPartAfter(
  before: Omit<HeldParts, 'target'>,
  added: Estimate,
): Estimate | undefined {
  const own = ownPart(before);
  if (added.cost === undefined) return own;
  return own === undefined ? { ...added, output: added.output ?? 0n } : sumOf(own, added);
}

/** Two estimates together. The cost is known if that of the first is. */
export function sumOf(before: Estimate, added: Estimate): Estimate {
  return {
    input: before.input + added.input,
    output: (before.output ?? 0n) + (added.output ?? 0n),
    reasoningOutput: undefined,
    cachedInput: before.cachedInput + added.cachedInput,
    cacheWrite: before.cacheWrite + added.cacheWrite,
    cacheWrite1h: before.cacheWrite1h + added.cacheWrite1h,
    units: addUnits(before.units, added.units),
    requests: before.requests + added.requests,
    cost: before.cost === undefined ? undefined : before.cost + (added.cost ?? 0n),
  };
}

/** What is left of a whole without a part of it; without a cost. */
export function lessOwn(whole: Estimate, part: Estimate): Estimate {
  return {
    input: whole.input - part.input,
    output: (whole.output ?? 0n) - (part.output ?? 0n),
    reasoningOutput: undefined,
    cachedInput: whole.cachedInput - part.cachedInput,
    cacheWrite: whole.cacheWrite - part.cacheWrite,
    cacheWrite1h: whole.cacheWrite1h - part.cacheWrite1h,
    units: addUnits(whole.units, part.units, -1n),
    requests: whole.requests - part.requests,
    cost: undefined,
  };
}
