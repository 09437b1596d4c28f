import { familiesOf, familyName } from './meters.ts';
import type { OrganizationView } from './organization-view.ts';
import type { Policy } from './policy.ts';
import { subjectText } from './subject.ts';

/** An organization as it would be with other policies on some subjects, for decisions that are not written. */
export function draftView(view: OrganizationView, drafts: readonly Policy[]): OrganizationView {
  const bySubject = new Map(drafts.map((draft) => [subjectText(draft.subject), draft]));
  const families = [...view.families, ...drafts.flatMap(familiesOf)];
  const remembered = new Map<string, unknown>();
  return {
    organization: view.organization,
    epoch: view.epoch,
    priceEpochs: view.priceEpochs,
    team: (id) => view.team(id),
    user: (id) => view.user(id),
    principal: (id) => view.principal(id),
    app: (id) => view.app(id),
    customer: (id) => view.customer(id),
    credential: (kind, id) => view.credential(kind, id),
    model: (id) => view.model(id),
    routeGroup: (id) => view.routeGroup(id),
    models: () => view.models(),
    routeGroups: () => view.routeGroups(),
    policy: (subject) => bySubject.get(subjectText(subject)) ?? view.policy(subject),
    raises: (owner) => view.raises(owner),
    prices: (scope, subject, serviceTier) => view.prices(scope, subject, serviceTier),
    platformPrices: (scope, subject, serviceTier) =>
      view.platformPrices(scope, subject, serviceTier),
    families: [...new Map(families.map((family) => [familyName(family), family])).values()],
    // What the view remembers was derived from the policies that are replaced.
    remember<T>(key: string, make: () => T): T {
      if (!remembered.has(key)) remembered.set(key, make());
      return remembered.get(key) as T;
    },
  };
}
