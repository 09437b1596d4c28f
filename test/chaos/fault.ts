import type { Random } from '../support/random.ts';
import type { Violation } from './journal.ts';
import type { ReplicaIndex } from './replica.ts';
import type { Stage } from './stage.ts';

/** Something that goes wrong, from its begin until it is lifted. */
export interface Fault {
  /** As a round's line has it: `pause replica 1`. */
  readonly name: string;
  /** Replicas whose callers may notice. The others go on. */
  readonly touches: readonly ReplicaIndex[];
  /** Those of them that may not answer at all, because they are paused, or their callers cannot reach them. */
  readonly silences: readonly ReplicaIndex[];
  /** Those of them that may find the store away. */
  readonly parts: readonly ReplicaIndex[];
  /** Begins it, lets it last, lifts it; the promises that were broken meanwhile. */
  play(stage: Stage, random: Random, forMs: number): Promise<Violation[]>;
}

/** Draws a fault of one kind. */
export type FaultKind = (random: Random) => Fault;

export const both = [0, 1] as const;

/** A fault that touches one replica, or both, and leaves it able to answer. */
export function faultOf(
  name: string,
  touches: readonly ReplicaIndex[],
  more: Partial<Fault> & Pick<Fault, 'play'>,
): Fault {
  return { name, touches, silences: [], parts: [], ...more };
}
