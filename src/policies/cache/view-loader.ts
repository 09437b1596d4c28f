import type { OrganizationView } from '../../core/organization-view.ts';
import { changingTooFast } from '../../platform/changing-too-fast.ts';
import { CallView } from './cached-view.ts';
import type { EpochReader } from './epoch-reader.ts';
import { neededSubjects } from './needed-subjects.ts';
import type { OrganizationCache } from './organization-cache.ts';
import type { CachedOrganization } from './organization-loader.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';
import type { SharedViews } from './shared-views.ts';
import type { LoadedSubject, NamedSubject } from '../store/pg-policies.ts';
import { platformId } from '../policy-store.ts';
import type { Policies, ViewNeed } from '../policies.ts';
import type { SubjectAt, SubjectCache } from './subject-cache.ts';

/** What views are made of. */
export interface ViewLoaderParts {
  readonly organizations: OrganizationCache;
  /** Of the platform alone, so that no organization takes its place. */
  readonly platform: OrganizationCache;
  readonly subjects: SubjectCache;
  readonly sharedViews: SharedViews;
  readonly readEpoch: EpochReader;
}

/** An organization, and the platform whose catalog it inherits, as they are cached now. */
interface Both {
  readonly organization: CachedOrganization;
  readonly platform: OrganizationSnapshot;
}

type Assembled =
  { readonly view: OrganizationView } | { readonly missing: readonly NamedSubject[] };

const nothingRead: ReadonlyMap<string, SubjectAt> = new Map();
const maxTurns = 100;
const maxLoads = 3;

/** Makes views of what is cached, and loads what is missing for them. */
export function createViewLoader(parts: ViewLoaderParts): Policies['view'] {
  const { organizations, subjects, readEpoch } = parts;
  const loadBoth = createBothLoader(parts);

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
    const atLeast = { own: 0, sum: atLeastEpoch };
    if (organizations.present(orgId) === undefined) {
      // A flood of unknown organizations shares a few queries, and only one that exists is loaded.
      const newest = await readEpoch(orgId);
      if (newest === undefined) return undefined;
      atLeast.sum = Math.max(atLeast.sum, newest);
    }
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const both = await loadBoth(orgId, atLeast);
      if (both === undefined) return undefined;
      const made = assemble(parts, both, need, read);
      if ('view' in made) return made.view;
      const found = await subjects.read(orgId, made.missing);
      if (found === undefined) return undefined;
      for (const one of found) {
        read.set(`${one.subject.kind} ${one.subject.id}`, one);
        atLeast.own = Math.max(atLeast.own, one.epoch);
      }
    }
    throw changingTooFast(`the policies of ${orgId} change faster than they can be read`);
  }

  return (orgId, need, atLeastEpoch = 0) => {
    const both = present(parts, orgId, { own: 0, sum: atLeastEpoch });
    if (both !== undefined) {
      const made = assemble(parts, both, need, nothingRead);
      if ('view' in made) return made.view;
    }
    return orgId === platformId ? undefined : load(orgId, need, atLeastEpoch);
  };
}

/** How new both must be: the epoch of the organization, and its sum with the platform's. */
interface AtLeast {
  readonly own: number;
  readonly sum: number;
}

function present(
  { organizations, platform }: Pick<ViewLoaderParts, 'organizations' | 'platform'>,
  orgId: string,
  { own, sum }: AtLeast,
): Both | undefined {
  const organization = organizations.present(orgId);
  const shared = platform.present(platformId)?.snapshot;
  if (organization === undefined || shared === undefined) return undefined;
  const { epoch } = organization.snapshot;
  return epoch < own || epoch + shared.epoch < sum ? undefined : { organization, platform: shared };
}

/**
 * Loads both, of which one or the other is newer than what is cached: the sum of their epochs says that, and not which. The
 * organization is asked first, since it changes more often. A load that is under way may have begun before the epoch
 * asked for; the next has not.
 */
function createBothLoader(parts: ViewLoaderParts) {
  const { organizations, platform } = parts;
  return async (orgId: string, atLeast: AtLeast): Promise<Both | undefined> => {
    for (let load = 0; load < maxLoads; load += 1) {
      const both = present(parts, orgId, atLeast);
      if (both !== undefined) return both;
      const own = organizations.refresh(orgId);
      const isAskedToo = load > 0 || platform.present(platformId) === undefined;
      const [loaded] = await Promise.all([own, isAskedToo ? platform.refresh(platformId) : own]);
      if (loaded === undefined) return undefined;
    }
    // What is cached now may be newer than what was awaited, and the subjects' cache goes with it.
    const both = present(parts, orgId, atLeast);
    if (both !== undefined) return both;
    throw changingTooFast(`the policies of ${orgId} change faster than they can be read`);
  };
}

/** The view if everything is cached, else what is missing. It contains only what is cached now. */
function assemble(
  { subjects, sharedViews }: ViewLoaderParts,
  { organization: { snapshot, generation }, platform }: Both,
  need: ViewNeed,
  read: ReadonlyMap<string, SubjectAt>,
): Assembled {
  const found = neededSubjects(need, (subject): LoadedSubject | undefined => {
    const cached = subjects.get(generation, subject);
    if (cached !== undefined) return cached;
    const candidate = read.get(`${subject.kind} ${subject.id}`);
    if (candidate?.epoch !== snapshot.epoch) return undefined;
    subjects.set(snapshot.organization.id, generation, candidate.subject);
    return candidate.subject;
  });
  if (found.missing.length > 0) return { missing: found.missing };
  return { view: new CallView(sharedViews(snapshot, platform), snapshot, found.loaded) };
}
