import type { Model, PriceEpochs, PriceRevision, RouteGroup } from './catalog.ts';
import type { Credential, Principal, Registered, Team, User } from './directory.ts';
import type { Organization } from './organization.ts';
import type { Policy } from './policy.ts';
import type { Raise } from './raise.ts';
import type { Subject } from './subject.ts';

/**
 * One organization as it stood at `epoch`, as far as one call needs it: everything shared (settings, teams,
 * catalog, prices, policies of org, teams, tiers and labels) and the records of the subjects the call names.
 * Reading is synchronous and never waits; a subject that was not loaded reads as unregistered, so the code that
 * builds a view loads the call's subjects first.
 */
export interface OrganizationView {
  readonly organization: Organization;
  /** Grows by one with every administrative change of the organization, and of the platform's catalog. */
  readonly epoch: number;
  /** As of which changes a call is priced that is checked now. */
  readonly priceEpochs: PriceEpochs;
  team(id: string): Team | undefined;
  user(id: string): User | undefined;
  principal(id: string): Principal | undefined;
  app(id: string): Registered | undefined;
  customer(id: string): Registered | undefined;
  credential(kind: 'key' | 'token', id: string): Credential | undefined;
  /** Own models and route groups, and those of the platform whose names the organization has not taken itself. */
  model(id: string): Model | undefined;
  routeGroup(id: string): RouteGroup | undefined;
  models(): Iterable<Model>;
  routeGroups(): Iterable<RouteGroup>;
  /** The newest revision of a subject's policy, if it has one. */
  policy(subject: Subject): Policy | undefined;
  /**
   * The raises that are for a subject, and those for all of a limit that it declares (`raiseOwner`). Some may be over;
   * revoked ones are not among them.
   */
  raises(owner: Subject): readonly Raise[];
  /**
   * All own revisions of one price, oldest first, revoked ones included: settlement looks back. Those for a service tier
   * are apart from those without one.
   */
  prices(
    scope: PriceRevision['scope'],
    subject: string,
    serviceTier?: string,
  ): readonly PriceRevision[];
  /** The same of the platform, also where the organization does not inherit them now: it may have done so before. */
  platformPrices(
    scope: PriceRevision['scope'],
    subject: string,
    serviceTier?: string,
  ): readonly PriceRevision[];
  /** Which derived meters are kept; see `MeterFamily`. */
  readonly families: readonly MeterFamily[];
  /** A bounded cache of pure derivations, dropped when the epoch or a record they rest on changes. */
  remember<T>(key: string, make: () => T): T;
}

/**
 * A rule for derived meters, made from the limits of the organization. For a call with a subject of `kind`
 * (and of `id`, unless undefined) on its path, and of a target that `targets` match, the meter of that
 * subject narrowed to `targets` is kept, whichever limits hold for the call. `member` families keep
 * `team:<id>/user:<u>` for the users of calls inside the team. `labelKey` restricts a label family to one key.
 * So which derived meters a call charges depends on nothing but the epoch, the path and the target.
 */
export interface MeterFamily {
  readonly kind: Subject['kind'];
  readonly id: string | undefined;
  readonly member: boolean;
  readonly labelKey: string | undefined;
  /** Sorted; empty for member and label families without targets. */
  readonly targets: readonly string[];
}
