import type { OrganizationView } from '../../core/organization-view.ts';
import { changingTooFast } from '../../platform/changing-too-fast.ts';
import { CallView } from './cached-view.ts';
import type { EpochReader } from './epoch-reader.ts';
import { neededSubjects } from './needed-subjects.ts';
import type { OrganizationCache } from './organization-cache.ts';
import type { CachedOrganization } from './organization-loader.ts';
import type { LoadedSubject, NamedSubject } from '../store/pg-policies.ts';
import type { Policies, ViewNeed } from '../policies.ts';
import type { SubjectAt, SubjectCache } from './subject-cache.ts';

type Assembled =
  { readonly view: OrganizationView } | { readonly missing: readonly NamedSubject[] };

const nothingRead: ReadonlyMap<string, SubjectAt> = new Map();
const maxTurns = 100;

/** Makes views of what is cached, and loads what is missing for them. */
export function createViewLoader(
  organizations: OrganizationCache,
  subjects: SubjectCache,
  readEpoch: EpochReader,
): Policies['view'] {
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
    if (organizations.present(orgId) === undefined) {
      // A flood of unknown organizations shares a few queries, and only one that exists is loaded.
      const newest = await readEpoch(orgId);
      if (newest === undefined) return undefined;
      epoch = Math.max(epoch, newest);
    }
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const loaded = await organizations.load(orgId, epoch);
      if (loaded === undefined) return undefined;
      // What is cached now may be newer than what was awaited, and the subjects' cache goes with it.
      const organization = organizations.present(orgId);
      if (organization === undefined) continue;
      const made = assemble(organization, subjects, need, read);
      if ('view' in made) return made.view;
      const found = await subjects.read(orgId, made.missing);
      if (found === undefined) return undefined;
      for (const one of found) {
        read.set(`${one.subject.kind} ${one.subject.id}`, one);
        epoch = Math.max(epoch, one.epoch);
      }
    }
    throw changingTooFast(`the policies of ${orgId} change faster than they can be read`);
  }

  return (orgId, need, atLeastEpoch = 0) => {
    const organization = organizations.present(orgId);
    if (organization !== undefined && organization.snapshot.epoch >= atLeastEpoch) {
      const made = assemble(organization, subjects, need, nothingRead);
      if ('view' in made) return made.view;
    }
    return load(orgId, need, atLeastEpoch);
  };
}

/** The view if everything is cached, else what is missing. It contains only what is cached now. */
function assemble(
  { snapshot, shared, generation }: CachedOrganization,
  subjects: SubjectCache,
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
  return { view: new CallView(shared, snapshot, found.loaded) };
}
