import type { Model, PriceRevision, PriceScope, RouteGroup } from '../../core/catalog.ts';
import type { Team } from '../../core/directory.ts';
import { familiesOf, familyName } from '../../core/meters.ts';
import type { MeterFamily } from '../../core/organization-view.ts';
import type { Organization } from '../../core/organization.ts';
import type { Policy } from '../../core/policy.ts';
import { raiseOwner } from '../../core/raise.ts';
import type { Raise } from '../../core/raise.ts';
import { subjectText } from '../../core/subject.ts';
import type { DeletedPart, OrganizationChanges } from '../store/pg-policies.ts';

/** What all calls of an organization share, as it stood at one epoch; never changed once made. */
export interface OrganizationSnapshot {
  /** Unique for each snapshot, so that what was derived from one is never used for another. */
  readonly serial: number;
  readonly epoch: number;
  readonly organization: Organization;
  readonly teams: ReadonlyMap<string, Team>;
  readonly models: ReadonlyMap<string, Model>;
  readonly routeGroups: ReadonlyMap<string, RouteGroup>;
  /** By the text of their subject. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** By `priceKey`, oldest first. */
  readonly prices: ReadonlyMap<string, readonly PriceRevision[]>;
  /** The service tiers that some price is for. */
  readonly serviceTiers: ReadonlySet<string>;
  /** Of shared subjects, by the text of their owner; see `raiseOwner`. */
  readonly raises: ReadonlyMap<string, readonly Raise[]>;
  /** Of the shared policies, each once. */
  readonly families: readonly MeterFamily[];
}

let lastSerial = 0;

/** Makes a snapshot of changes and what they change; of a whole organization, if there is nothing before. */
export function applyChanges(
  before: OrganizationSnapshot | undefined,
  changes: OrganizationChanges,
): OrganizationSnapshot {
  lastSerial += 1;
  const gone = (part: DeletedPart['part']): readonly string[] =>
    changes.deleted.flatMap((one) =>
      one.part === part ? [one.part === 'policy' ? subjectText(one.subject) : one.id] : [],
    );
  const policies = withItems(before?.policies, changes.policies, gone('policy'), ({ subject }) =>
    subjectText(subject),
  );
  const unchanged = policies === before?.policies;
  return {
    serial: lastSerial,
    epoch: changes.epoch,
    organization: changes.organization,
    teams: withItems(before?.teams, changes.teams, gone('team'), idOf),
    models: withItems(before?.models, changes.models, gone('model'), idOf),
    routeGroups: withItems(before?.routeGroups, changes.routeGroups, gone('route_group'), idOf),
    policies,
    prices: withPrices(before?.prices, changes.prices),
    serviceTiers: withServiceTiers(before?.serviceTiers, changes.prices),
    raises: withRaises(before?.raises, changes),
    families: unchanged && before !== undefined ? before.families : distinctFamilies(policies),
  };
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

/** What the prices of a scope, subject and service tier are found by; a subject contains no space. */
export function priceKey(scope: PriceScope, subject: string, serviceTier?: string): string {
  return serviceTier === undefined ? `${scope} ${subject}` : `${scope} ${subject} ${serviceTier}`;
}

function withItems<Item>(
  before: ReadonlyMap<string, Item> | undefined,
  items: readonly Item[],
  deleted: readonly string[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, Item> {
  if (before !== undefined && items.length === 0 && deleted.length === 0) return before;
  const after = new Map(before);
  for (const key of deleted) after.delete(key);
  for (const item of items) after.set(keyOf(item), item);
  return after;
}

function withPrices(
  before: ReadonlyMap<string, readonly PriceRevision[]> | undefined,
  prices: readonly PriceRevision[],
): ReadonlyMap<string, readonly PriceRevision[]> {
  if (before !== undefined && prices.length === 0) return before;
  const after = new Map(before);
  const changed = Map.groupBy(prices, ({ scope, subject, serviceTier }) =>
    priceKey(scope, subject, serviceTier),
  );
  for (const [key, revisions] of changed) {
    const merged = new Map(after.get(key)?.map((price) => [price.revision, price]));
    for (const price of revisions) merged.set(price.revision, price);
    const ordered = [...merged.values()].toSorted((a, b) => a.revision - b.revision);
    after.set(key, ordered);
  }
  return after;
}

/** The raises with those that changed, less what was over. */
function withRaises(
  before: ReadonlyMap<string, readonly Raise[]> | undefined,
  { raises, raisesOverBeforeMs }: OrganizationChanges,
): ReadonlyMap<string, readonly Raise[]> {
  if (before !== undefined && raises.length === 0) return before;
  const all = new Map([...(before?.values() ?? [])].flat().map((raise) => [raise.id, raise]));
  for (const { raise, isRevoked } of raises) {
    if (isRevoked) all.delete(raise.id);
    else all.set(raise.id, raise);
  }
  const kept = [...all.values()].filter(({ untilMs }) => untilMs > raisesOverBeforeMs);
  return Map.groupBy(kept, (raise) => subjectText(raiseOwner(raise)));
}

function withServiceTiers(
  before: ReadonlySet<string> | undefined,
  prices: readonly PriceRevision[],
): ReadonlySet<string> {
  const added = prices.flatMap(({ serviceTier }) => serviceTier ?? []);
  return added.length === 0 && before !== undefined
    ? before
    : new Set([...(before ?? []), ...added]);
}

function distinctFamilies(policies: ReadonlyMap<string, Policy>): readonly MeterFamily[] {
  const families = [...policies.values()].flatMap((policy) => familiesOf(policy));
  return [...new Map(families.map((family) => [familyName(family), family])).values()];
}
