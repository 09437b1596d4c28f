import { familyName } from '../core/meters.ts';
import type { MeterFamily, OrganizationView } from '../core/organization-view.ts';
import type { Policy } from '../core/policy.ts';
import { subjectText } from '../core/subject.ts';
import type { Subject } from '../core/subject.ts';
import { priceKey } from './organization-snapshot.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';
import type { LoadedSubject } from './pg-policies.ts';
import type { NamedKind } from './shared-kinds.ts';

/** The part of a view that all calls of a snapshot share. */
export type SharedView = Omit<
  OrganizationView,
  'user' | 'principal' | 'app' | 'customer' | 'credential' | 'policy' | 'families'
>;

/** Makes the shared part of the views of a snapshot. */
export function sharedView(
  snapshot: OrganizationSnapshot,
  remember: OrganizationView['remember'],
): SharedView {
  const { teams, models, routeGroups, prices } = snapshot;
  return {
    organization: snapshot.organization,
    epoch: snapshot.epoch,
    team: (id) => teams.get(id),
    model: (id) => models.get(id),
    routeGroup: (id) => routeGroups.get(id),
    models: () => models.values(),
    routeGroups: () => routeGroups.values(),
    prices: (scope, subject) => prices.get(priceKey(scope, subject)) ?? [],
    remember,
  };
}

/** Makes the view of one call: what all share, and the subjects loaded for it. */
export function viewOf(
  shared: SharedView,
  snapshot: OrganizationSnapshot,
  loaded: readonly LoadedSubject[],
): OrganizationView {
  let families: readonly MeterFamily[] | undefined;
  return {
    ...shared,
    user: (id) => find(loaded, 'user', id)?.record,
    principal: (id) => find(loaded, 'principal', id)?.record,
    app: (id) => find(loaded, 'app', id)?.record,
    customer: (id) => find(loaded, 'customer', id)?.record,
    credential: (kind, id) => find(loaded, kind, id)?.record,
    policy: (subject) => policyOf(snapshot, loaded, subject),
    get families() {
      return (families ??= familiesWith(snapshot.families, loaded));
    },
  };
}

function policyOf(
  snapshot: OrganizationSnapshot,
  loaded: readonly LoadedSubject[],
  subject: Subject,
): Policy | undefined {
  const { kind, id } = subject;
  const isShared = kind === 'org' || kind === 'team' || kind === 'tier' || kind === 'label';
  return isShared ? snapshot.policies.get(subjectText(subject)) : find(loaded, kind, id)?.policy;
}

function find<K extends NamedKind>(
  loaded: readonly LoadedSubject[],
  kind: K,
  id: string,
): Extract<LoadedSubject, { kind: K }> | undefined {
  return loaded.find(
    (subject): subject is Extract<LoadedSubject, { kind: K }> =>
      subject.kind === kind && subject.id === id,
  );
}

function familiesWith(
  shared: readonly MeterFamily[],
  loaded: readonly LoadedSubject[],
): readonly MeterFamily[] {
  const own = loaded.flatMap((subject) => subject.families);
  if (own.length === 0) return shared;
  const all = [...shared, ...own];
  return [...new Map(all.map((family) => [familyName(family), family])).values()];
}
