import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { OrganizationView } from '../core/organization-view.ts';
import { storeFailure } from '../db/errors.ts';
import { viewOf } from './cached-view.ts';
import type { ChangeNotice } from './change.ts';
import { createCredentialCache } from './credential-cache.ts';
import { neededSubjects } from './needed-subjects.ts';
import { createOrganizationCache } from './organization-cache.ts';
import type { CachedOrganization } from './organization-cache.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';
import type { LoadedSubject, NamedSubject } from './pg-policies.ts';
import type { Policies, ViewNeed } from './policies.ts';
import { startPolicyWatch } from './policy-watch.ts';
import { createSubjectCache } from './subject-cache.ts';
import type { SubjectAt } from './subject-cache.ts';

/** What the cache reads from, and its bounds. */
export interface CachedPoliciesParts {
  readonly pool: Pool;
  /** Organizations kept, whole but for the subjects that are loaded when named. */
  readonly maxOrganizations?: number;
  /** Users, keys, tokens, principals, apps and customers kept, of all organizations together. */
  readonly maxSubjects?: number;
  /** Derivations kept (`remember`), of all organizations together. */
  readonly maxDerivations?: number;
  /** Known secrets kept, and as many unknown ones. */
  readonly maxCredentials?: number;
  /** Unknown secrets that may wait for the next look-up. */
  readonly maxLookups?: number;
  /** How long an unknown secret or organization stays unknown without a look. */
  readonly unknownMs?: number;
  /** Where to listen for changes that other processes make; absent: their epochs alone tell. */
  readonly listenUrl?: string | undefined;
  /** Milliseconds that only grow; for tests. */
  readonly monotonicMs?: () => number;
}

/** Policies, and an ear for hints that they have changed. */
export interface CachedPolicies extends Policies {
  /** Hears that an organization has changed; loads the change in the background, if it is cached. */
  noticed(notice: ChangeNotice): void;
}

const maxTurns = 100;

/** Makes the policies, cached in this process. */
export function createCachedPolicies(parts: CachedPoliciesParts): CachedPolicies {
  const { pool, unknownMs = 2000, monotonicMs = () => performance.now() } = parts;
  const subjects = createSubjectCache(pool, parts.maxSubjects ?? 100_000);
  const derivations = createDerivations(parts.maxDerivations ?? 100_000);
  const organizations = createOrganizationCache({
    pool,
    maxOrganizations: parts.maxOrganizations ?? 1000,
    absentMs: unknownMs,
    monotonicMs,
    onNamedChange: subjects.forget,
    rememberOf: derivations.rememberOf,
  });
  const credentials = createCredentialCache({
    pool,
    maxCredentials: parts.maxCredentials ?? 100_000,
    maxLookups: parts.maxLookups ?? 1000,
    unknownMs,
    monotonicMs,
  });

  /** The view, if everything is at hand; else what is missing. */
  function assemble(
    organization: CachedOrganization,
    need: ViewNeed,
    read: ReadonlyMap<string, SubjectAt>,
  ): { readonly view: OrganizationView } | { readonly missing: readonly NamedSubject[] } {
    const { snapshot, shared, generation } = organization;
    const found = neededSubjects(need, (subject): LoadedSubject | undefined => {
      const cached = subjects.get(generation, subject);
      if (cached !== undefined) return cached;
      const candidate = read.get(`${subject.kind} ${subject.id}`);
      if (candidate?.epoch !== snapshot.epoch) return undefined;
      subjects.set(generation, candidate.subject);
      return candidate.subject;
    });
    if (found.missing.length > 0) return { missing: found.missing };
    return { view: viewOf(shared, snapshot, found.loaded) };
  }

  /**
   * Takes turns between the organization and its subjects until both are of one epoch. A subject that was read
   * at another epoch than the snapshot's is not taken: if it is newer, the snapshot follows first; if it
   * is older, it is read again.
   */
  async function load(
    orgId: string,
    need: ViewNeed,
    atLeastEpoch: number,
  ): Promise<OrganizationView | undefined> {
    const read = new Map<string, SubjectAt>();
    let epoch = atLeastEpoch;
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const loaded = await organizations.load(orgId, epoch);
      if (loaded === undefined) return undefined;
      // What is cached now may be newer than what was awaited, and the subjects' cache goes with it.
      const organization = organizations.present(orgId);
      if (organization === undefined) continue;
      const made = assemble(organization, need, read);
      if ('view' in made) return made.view;
      const found = await subjects.read(orgId, made.missing);
      if (found === undefined) return undefined;
      for (const one of found) {
        read.set(`${one.subject.kind} ${one.subject.id}`, one);
        epoch = Math.max(epoch, one.epoch);
      }
    }
    throw storeFailure(new Error(`policies of ${orgId} change faster than they can be read`));
  }

  function noticed({ orgId, epoch, kind }: ChangeNotice): void {
    organizations.forgetAbsence(orgId);
    if (kind === 'key' || kind === 'token') credentials.forgetUnknown();
    if (organizations.present(orgId) === undefined) return;
    organizations.load(orgId, epoch).catch(() => {
      // Only a hint: the next Check sees the newer epoch itself, and fails there if the store does.
    });
  }

  const { listenUrl: url } = parts;
  const watch = url === undefined ? undefined : startPolicyWatch({ url, onNotice: noticed });
  return {
    view: (orgId, need, atLeastEpoch = 0) => {
      const organization = organizations.present(orgId);
      if (organization === undefined) {
        if (atLeastEpoch === 0 && organizations.isAbsent(orgId)) return undefined;
      } else if (organization.snapshot.epoch >= atLeastEpoch) {
        const made = assemble(organization, need, nothingRead);
        if ('view' in made) return made.view;
      }
      return load(orgId, need, atLeastEpoch);
    },
    credential: credentials.find,
    noticed,
    close: async () => {
      await watch?.close();
      organizations.clear();
      subjects.clear();
      credentials.clear();
      derivations.clear();
    },
  };
}

const nothingRead: ReadonlyMap<string, SubjectAt> = new Map();

/** One bounded memory for the derivations of all snapshots: those of past epochs age away. */
function createDerivations(max: number): {
  rememberOf(snapshot: OrganizationSnapshot): OrganizationView['remember'];
  clear(): void;
} {
  const derived = new LRUCache<string, { readonly value: unknown }>({ max });
  return {
    rememberOf:
      ({ serial }) =>
      <T>(name: string, make: () => T): T => {
        const key = `${serial} ${name}`;
        const known = derived.get(key);
        // What is kept under a name was made by the same derivation, so it is of its type.
        if (known !== undefined) return known.value as T;
        const value = make();
        derived.set(key, { value });
        return value;
      },
    clear: () => derived.clear(),
  };
}
