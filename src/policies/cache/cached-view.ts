import { familyName } from '../../core/meters.ts';
import type { PriceRevision } from '../../core/catalog.ts';
import { effectiveTargets } from '../../core/effective-catalog.ts';
import type { MeterFamily, OrganizationView } from '../../core/organization-view.ts';
import type { Policy } from '../../core/policy.ts';
import type { Raise } from '../../core/raise.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { priceKey } from './organization-snapshot.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';
import type { LoadedSubject } from '../store/pg-policies.ts';
import type { NamedKind } from '../store/shared-kinds.ts';

/** The part of a view that all calls of a snapshot share. */
export type SharedView = Omit<
  OrganizationView,
  'user' | 'principal' | 'app' | 'customer' | 'credential' | 'policy' | 'raises' | 'families'
>;

const noPrices: readonly PriceRevision[] = [];

/** Makes the shared part of the views of a snapshot, with the platform's catalog behind its own. */
export function sharedView(
  snapshot: OrganizationSnapshot,
  platform: OrganizationSnapshot,
  remember: OrganizationView['remember'],
): SharedView {
  const { organization, teams } = snapshot;
  const isInheriting = organization.catalog === 'INHERIT';
  return {
    organization,
    epoch: snapshot.epoch + platform.epoch,
    priceEpochs: { own: snapshot.epoch, platform: isInheriting ? platform.epoch : 0 },
    team: (id) => teams.get(id),
    ...effectiveTargets(snapshot, isInheriting ? platform : undefined),
    prices: pricesOf(snapshot),
    platformPrices: pricesOf(platform),
    remember,
  };
}

/** A tier that no price is for costs no look-up by its name. */
function pricesOf({ prices, serviceTiers }: OrganizationSnapshot): OrganizationView['prices'] {
  return (scope, subject, serviceTier) =>
    serviceTier === undefined || serviceTiers.has(serviceTier)
      ? (prices.get(priceKey(scope, subject, serviceTier)) ?? noPrices)
      : noPrices;
}

/** The view of one call: what all share, and the subjects loaded for it. */
export class CallView implements OrganizationView {
  readonly organization: OrganizationView['organization'];
  readonly epoch: number;
  readonly priceEpochs: OrganizationView['priceEpochs'];
  readonly #shared: SharedView;
  readonly #snapshot: OrganizationSnapshot;
  readonly #loaded: readonly LoadedSubject[];
  #families: readonly MeterFamily[] | undefined;

  constructor(
    shared: SharedView,
    snapshot: OrganizationSnapshot,
    loaded: readonly LoadedSubject[],
  ) {
    this.organization = shared.organization;
    this.epoch = shared.epoch;
    this.priceEpochs = shared.priceEpochs;
    this.#shared = shared;
    this.#snapshot = snapshot;
    this.#loaded = loaded;
  }

  team(id: string): ReturnType<OrganizationView['team']> {
    return this.#shared.team(id);
  }

  user(id: string): ReturnType<OrganizationView['user']> {
    return find(this.#loaded, 'user', id)?.record;
  }

  principal(id: string): ReturnType<OrganizationView['principal']> {
    return find(this.#loaded, 'principal', id)?.record;
  }

  app(id: string): ReturnType<OrganizationView['app']> {
    return find(this.#loaded, 'app', id)?.record;
  }

  customer(id: string): ReturnType<OrganizationView['customer']> {
    return find(this.#loaded, 'customer', id)?.record;
  }

  credential(kind: 'key' | 'token', id: string): ReturnType<OrganizationView['credential']> {
    return find(this.#loaded, kind, id)?.record;
  }

  model(id: string): ReturnType<OrganizationView['model']> {
    return this.#shared.model(id);
  }

  routeGroup(id: string): ReturnType<OrganizationView['routeGroup']> {
    return this.#shared.routeGroup(id);
  }

  models(): ReturnType<OrganizationView['models']> {
    return this.#shared.models();
  }

  routeGroups(): ReturnType<OrganizationView['routeGroups']> {
    return this.#shared.routeGroups();
  }

  policy(subject: Subject): Policy | undefined {
    return policyOf(this.#snapshot, this.#loaded, subject);
  }

  raises(owner: Subject): readonly Raise[] {
    return raisesFor(this.#snapshot, this.#loaded, owner);
  }

  prices(
    ...[scope, subject, serviceTier]: Parameters<OrganizationView['prices']>
  ): ReturnType<OrganizationView['prices']> {
    return this.#shared.prices(scope, subject, serviceTier);
  }

  platformPrices(
    ...[scope, subject, serviceTier]: Parameters<OrganizationView['prices']>
  ): ReturnType<OrganizationView['prices']> {
    return this.#shared.platformPrices(scope, subject, serviceTier);
  }

  get families(): readonly MeterFamily[] {
    return (this.#families ??= familiesWith(this.#snapshot.families, this.#loaded));
  }

  remember<T>(key: string, make: () => T): T {
    return this.#shared.remember(key, make);
  }
}

function policyOf(
  snapshot: OrganizationSnapshot,
  loaded: readonly LoadedSubject[],
  subject: Subject,
): Policy | undefined {
  const { kind, id } = subject;
  return isShared(kind)
    ? snapshot.policies.get(subjectText(subject))
    : find(loaded, kind, id)?.policy;
}

function raisesFor(
  { raises }: OrganizationSnapshot,
  loaded: readonly LoadedSubject[],
  owner: Subject,
): readonly Raise[] {
  const { kind, id } = owner;
  if (!isShared(kind)) return find(loaded, kind, id)?.raises ?? noRaises;
  return raises.size === 0 ? noRaises : (raises.get(subjectText(owner)) ?? noRaises);
}

const noRaises: readonly Raise[] = [];

function isShared(kind: Subject['kind']): kind is Exclude<Subject['kind'], NamedKind> {
  return kind === 'org' || kind === 'team' || kind === 'tier' || kind === 'label';
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
