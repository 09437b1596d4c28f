import type { Answer, Operation } from './gate.ts';
import type { ReferenceCall } from './reference.ts';
import type { ReplicaIndex } from './replica.ts';

/** Something that was promised and did not hold. */
export interface Violation {
  /** The promise, in words. */
  readonly promise: string;
  /** Rows, calls or times that show it. */
  readonly evidence: string;
}

/** An answer that was acknowledged, and what it answered. */
export interface Acknowledged {
  readonly call: ReferenceCall;
  readonly operation: Operation;
  readonly answer: Answer;
}

/** What the callers of one round saw. */
export interface Journal {
  readonly calls: ReferenceCall[];
  readonly acknowledged: Acknowledged[];
  readonly violations: Violation[];
  readonly counts: Record<Count, number>;
  /** Codes and reasons of the calls without a known result, by how often. */
  readonly refusals: Map<string, number>;
  violated(promise: string, evidence: string): void;
  /** A probe of a replica had a good answer for an organization, now. */
  answered(replica: ReplicaIndex, orgId: string, atMs: number): void;
  /** When they had. */
  readonly answersOf: ReadonlyMap<string, readonly number[]>;
}

/** Tries by how they ended: an answer, a denial among them, one without the store, or an unknown result. */
export type Count = 'asked' | 'answered' | 'denied' | 'degraded' | 'unavailable';

/** The key of `answersOf`. */
export function lineOf(replica: ReplicaIndex, orgId: string): string {
  return `replica ${replica}, ${orgId}`;
}

/** An empty one. */
export function createJournal(): Journal {
  const answersOf = new Map<string, number[]>();
  const violations: Violation[] = [];
  return {
    calls: [],
    acknowledged: [],
    violations,
    counts: { asked: 0, answered: 0, denied: 0, degraded: 0, unavailable: 0 },
    refusals: new Map(),
    violated: (promise, evidence) => void violations.push({ promise, evidence }),
    answered(replica, orgId, atMs) {
      const line = lineOf(replica, orgId);
      const times = answersOf.get(line) ?? [];
      answersOf.set(line, times);
      times.push(atMs);
    },
    answersOf,
  };
}
