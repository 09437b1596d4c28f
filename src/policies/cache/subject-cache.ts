import { setImmediate } from 'node:timers/promises';
import type { Pool } from 'pg';
import { createFairCache } from '../../platform/fair-cache.ts';
import { readSubjects } from '../store/pg-policies.ts';
import type { LoadedSubject, NamedSubject, ReadSubjects } from '../store/pg-policies.ts';

/** A named subject and the epoch it was read at. */
export interface SubjectAt {
  readonly subject: LoadedSubject;
  readonly epoch: number;
}

/**
 * The named subjects of all organizations, the unregistered ones too, in one bounded memory that they share. It
 * knows nothing of epochs: whoever adds a subject guarantees that it is as new as the newest snapshot of its
 * generation.
 */
export interface SubjectCache {
  get(generation: number, subject: NamedSubject): LoadedSubject | undefined;
  set(orgId: string, generation: number, subject: LoadedSubject): void;
  forget(generation: number, subjects: readonly NamedSubject[]): void;
  /**
   * Reads subjects from the store, one load of each under way at most; undefined without organization. What is asked for of an
   * organization at the same time is read together: a hundred holds of as many users are ended with one query.
   */
  read(orgId: string, subjects: readonly NamedSubject[]): Promise<readonly SubjectAt[] | undefined>;
  clear(): void;
}

/** Subjects of an organization that are read together. */
interface Gathering {
  readonly subjects: NamedSubject[];
  readonly reading: Promise<ReadSubjects | undefined>;
}

/** A query is not begun for more subjects than this; those of the last call may pass it. */
const mostTogether = 256;

/** Makes an empty cache; raises that were over `raisesOverBeforeMs` are not loaded. */
export function createSubjectCache(
  pool: Pool,
  maxSubjects: number,
  raisesOverBeforeMs: () => number,
): SubjectCache {
  const cached = createFairCache<string, LoadedSubject>({ max: maxSubjects });
  const underWay = new Map<string, Gathering['reading']>();
  const gathering = new Map<string, Gathering>();

  function startReading(orgId: string, subjects: readonly NamedSubject[]): void {
    let one = gathering.get(orgId);
    if (one === undefined || one.subjects.length >= mostTogether) {
      one = gather(orgId);
      gathering.set(orgId, one);
    }
    one.subjects.push(...subjects);
    for (const subject of subjects) underWay.set(keyOf(orgId, subject), one.reading);
  }

  function gather(orgId: string): Gathering {
    const subjects: NamedSubject[] = [];
    const one: Gathering = { subjects, reading: read() };
    return one;

    async function read(): Promise<ReadSubjects | undefined> {
      await setImmediate();
      if (gathering.get(orgId) === one) gathering.delete(orgId);
      try {
        return await readSubjects(pool, orgId, subjects, raisesOverBeforeMs());
      } finally {
        for (const subject of subjects) underWay.delete(keyOf(orgId, subject));
      }
    }
  }

  return {
    get: (generation, subject) => cached.get(keyOf(generation, subject)),
    set: (orgId, generation, subject) => cached.set(orgId, keyOf(generation, subject), subject),
    forget: (generation, subjects) => {
      for (const subject of subjects) cached.delete(keyOf(generation, subject));
    },
    read: async (orgId, subjects) => {
      const fresh = subjects.filter((subject) => !underWay.has(keyOf(orgId, subject)));
      if (fresh.length > 0) startReading(orgId, fresh);
      const readings = subjects
        .map((subject) => underWay.get(keyOf(orgId, subject)))
        .filter((reading) => reading !== undefined);
      const found: SubjectAt[] = [];
      for (const read of await Promise.all(new Set(readings))) {
        if (read === undefined) return undefined;
        for (const subject of read.subjects) found.push({ subject, epoch: read.epoch });
      }
      return found;
    },
    clear: () => cached.clear(),
  };
}

function keyOf(scope: string | number, subject: NamedSubject): string {
  return `${scope} ${subject.kind} ${subject.id}`;
}
