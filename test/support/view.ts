import { unknownEstimate } from '../../src/core/call.ts';
import type { CallRequest, Estimate, PresentedCredential } from '../../src/core/call.ts';
import type { Model, PriceRevision, Rates } from '../../src/core/catalog.ts';
import type { Credential, Principal, Registered, Team, User } from '../../src/core/directory.ts';
import { effectiveTargets } from '../../src/core/effective-catalog.ts';
import type { Targets } from '../../src/core/effective-catalog.ts';
import { familiesOf, familyName } from '../../src/core/meters.ts';
import type { OrganizationView } from '../../src/core/organization-view.ts';
import type { Organization } from '../../src/core/organization.ts';
import { servedBy } from '../../src/core/served-by.ts';
import type { ServedBy } from '../../src/core/served-by.ts';
import type { Access, Bypass, Limit, Policy } from '../../src/core/policy.ts';
import { raiseOwner } from '../../src/core/raise.ts';
import { subjectText } from '../../src/core/subject.ts';
import { plainOrganization } from './organization.ts';
import { raiseOf, subjectOf } from './raises.ts';
import type { SaidRaise } from './raises.ts';

/** Targets and prices, of an organization or of the platform. */
export interface SaidCatalog {
  readonly models?: readonly (Partial<Model> & { id: string })[];
  readonly routeGroups?: readonly { readonly id: string; readonly members: readonly string[] }[];
  readonly prices?: readonly SaidPrice[];
}

/** An organization as a test says it: whatever is left out has a plain default. */
export interface Said extends SaidCatalog {
  readonly organization?: Partial<Organization>;
  readonly epoch?: number;
  /** What the organization inherits, unless its `catalog` is OWN. */
  readonly platform?: (SaidCatalog & { readonly epoch?: number }) | undefined;
  readonly teams?: readonly (Partial<Team> & { id: string })[];
  readonly users?: readonly (Partial<User> & { id: string })[];
  readonly principals?: readonly (Partial<Principal> & { id: string })[];
  readonly apps?: readonly string[];
  readonly customers?: readonly string[];
  readonly keys?: readonly (Partial<Credential> & { id: string })[];
  readonly tokens?: readonly (Partial<Credential> & { id: string })[];
  /** By subject as text: `org`, `user:alice`. */
  readonly policies?: Readonly<Record<string, SaidPolicy>>;
  readonly raises?: readonly SaidRaise[];
}

export interface SaidPolicy {
  readonly revision?: number;
  readonly limits?: readonly SaidLimit[];
  readonly access?: Partial<Access>;
  readonly bypass?: Partial<Bypass>;
}

export type SaidLimit = Partial<Limit> & Pick<Limit, 'name' | 'metric' | 'amount'>;

export type SaidPrice = Omit<Partial<PriceRevision>, 'rates'> & {
  readonly subject: string;
  readonly rates?: readonly Partial<Rates>[];
};

/** A view in memory, nothing cached but what the core asks it to remember. */
export function viewOf(said: Said): OrganizationView {
  const teams = byId((said.teams ?? []).map(teamOf));
  const users = byId((said.users ?? []).map(userOf));
  const principals = byId((said.principals ?? []).map(principalOf));
  const apps = byId((said.apps ?? []).map(registered));
  const customers = byId((said.customers ?? []).map(registered));
  const keys = byId((said.keys ?? []).map((key) => credentialOf('key', key)));
  const tokens = byId((said.tokens ?? []).map((token) => credentialOf('token', token)));
  const organization = plainOrganization('acme', said.organization);
  const platform = organization.catalog === 'INHERIT' ? said.platform : undefined;
  const epochs = {
    own: said.epoch ?? 1,
    platform: platform === undefined ? 0 : (platform.epoch ?? 1),
  };
  const policies = new Map(
    Object.entries(said.policies ?? {}).map(([subject, policy]) => [
      subject,
      policyOf(subject, policy),
    ]),
  );
  const raises = Map.groupBy((said.raises ?? []).map(raiseOf), (raise) =>
    subjectText(raiseOwner(raise)),
  );
  const families = [...policies.values()].flatMap(familiesOf);
  const remembered = new Map<string, unknown>();
  return {
    organization,
    epoch: epochs.own + epochs.platform,
    priceEpochs: epochs,
    team: (id) => teams.get(id),
    user: (id) => users.get(id),
    principal: (id) => principals.get(id),
    app: (id) => apps.get(id),
    customer: (id) => customers.get(id),
    credential: (kind, id) => (kind === 'key' ? keys : tokens).get(id),
    ...effectiveTargets(targetsOf(said), platform && targetsOf(platform)),
    policy: (subject) => policies.get(subjectText(subject)),
    raises: (owner) => raises.get(subjectText(owner)) ?? [],
    prices: pricesOf(said),
    platformPrices: pricesOf(said.platform ?? {}),
    families: [...new Map(families.map((family) => [familyName(family), family])).values()],
    remember<T>(key: string, make: () => T): T {
      if (!remembered.has(key)) remembered.set(key, make());
      return remembered.get(key) as T;
    },
  };
}

function targetsOf({ models = [], routeGroups = [] }: SaidCatalog): Targets {
  return {
    models: byId(models.map(modelOf)),
    routeGroups: byId(routeGroups.map((group) => ({ ...group, displayName: '' }))),
  };
}

function pricesOf({ prices = [] }: SaidCatalog): OrganizationView['prices'] {
  const series = Map.groupBy(
    prices.map(priceOf),
    ({ scope, subject, serviceTier }) => `${scope} ${subject} ${serviceTier}`,
  );
  return (scope, subject, serviceTier) => series.get(`${scope} ${subject} ${serviceTier}`) ?? [];
}

/** A policy of one subject, by its text. */
export function policyOf(subject: string, said: SaidPolicy): Policy {
  const parsed = subjectOf(subject);
  return {
    subject: parsed,
    revision: said.revision ?? 1,
    limits: (said.limits ?? []).map((limit) =>
      limitOf(limit, parsed.kind === 'tier' ? 'USER' : 'SELF'),
    ),
    access: said.access && {
      allow: [],
      deny: [],
      maxTier: undefined,
      mode: 'NARROW',
      ...said.access,
    },
    bypass: said.bypass && {
      cost: false,
      rate: false,
      tokens: false,
      models: false,
      untilMs: undefined,
      ...said.bypass,
    },
    notes: '',
  };
}

function limitOf(said: SaidLimit, forKind: 'SELF' | 'USER'): Limit {
  return {
    window: said.metric === 'CONCURRENCY' ? undefined : 'DAY',
    action: 'BLOCK',
    thresholds: [80],
    for: { kind: forKind },
    targets: [],
    enabled: true,
    ...said,
  };
}

const noSubjects: CallRequest['subjects'] = {
  teams: [],
  user: undefined,
  tier: undefined,
  key: undefined,
  principal: undefined,
  app: undefined,
  customer: undefined,
  labels: new Map(),
};

/** What a call is, as a test says it: subjects, target and estimate side by side. */
export type SaidCall = Partial<Omit<CallRequest['subjects'], 'labels'>> &
  Partial<Estimate> &
  Partial<ServedBy> & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly credential?: PresentedCredential;
    readonly target?: string;
    readonly settleNow?: boolean;
  };

/** A request for a call of `gpt-4o`, unless another target is said. */
export function callOf(said: SaidCall = {}): CallRequest {
  const { labels, credential, target, provider, serviceTier, settleNow, ...numbersAndSubjects } =
    said;
  const { input, output, reasoningOutput, cachedInput, cacheWrite, cacheWrite1h, ...more } =
    numbersAndSubjects;
  const { units, requests, cost, ...subjects } = more;
  return {
    subjects: { ...noSubjects, ...subjects, labels: new Map(Object.entries(labels ?? {})) },
    credential,
    target: target ?? 'gpt-4o',
    served: servedBy(provider, serviceTier),
    settleNow: settleNow === true,
    estimate: estimateOf({
      ...(input === undefined ? {} : { input }),
      ...(cachedInput === undefined ? {} : { cachedInput }),
      ...(cacheWrite === undefined ? {} : { cacheWrite }),
      ...(cacheWrite1h === undefined ? {} : { cacheWrite1h }),
      ...(units === undefined ? {} : { units }),
      ...(requests === undefined ? {} : { requests }),
      output,
      reasoningOutput,
      cost,
    }),
  };
}

/** An estimate; what is left out is unknown or 0. */
export function estimateOf(said: Partial<Estimate>): Estimate {
  return { ...unknownEstimate, ...said };
}

/** A price per million tokens of a model, unless something else is said. */
export function priceOf(said: SaidPrice): PriceRevision {
  return {
    scope: 'MODEL',
    serviceTier: undefined,
    revision: 1,
    perTokens: 1_000_000n,
    effectiveAtMs: 0,
    epoch: 1,
    revokedEpoch: undefined,
    reason: '',
    ...said,
    rates: (said.rates ?? [{}]).map((rates) => ({
      aboveInputTokens: 0n,
      input: 0n,
      output: 0n,
      cachedInput: undefined,
      cacheWrite: undefined,
      cacheWrite1h: undefined,
      reasoningOutput: undefined,
      perRequest: 0n,
      units: [],
      ...rates,
    })),
  };
}

function teamOf(said: Partial<Team> & { id: string }): Team {
  return { displayName: '', parent: undefined, state: 'ACTIVE', ...said };
}

function userOf(said: Partial<User> & { id: string }): User {
  return { displayName: '', teams: [], tier: undefined, state: 'ACTIVE', ...said };
}

function principalOf(said: Partial<Principal> & { id: string }): Principal {
  return {
    displayName: '',
    kind: 'AGENT',
    namespace: 'tenant:acme',
    groups: [],
    app: undefined,
    purpose: '',
    ...said,
  };
}

function registered(id: string): Registered {
  return { id, displayName: '' };
}

function credentialOf(
  kind: 'key' | 'token',
  said: Partial<Credential> & { id: string },
): Credential {
  return {
    displayName: '',
    user: undefined,
    team: undefined,
    principal: undefined,
    app: undefined,
    customer: undefined,
    scopes: ['model.invoke'],
    state: 'ACTIVE',
    expiresAtMs: undefined,
    lastFour: '0000',
    ...said,
    kind,
  };
}

function modelOf(said: Partial<Model> & { id: string }): Model {
  const unknown = { defaultOutputTokens: undefined, contextWindow: undefined };
  const plain = { displayName: '', state: 'ACTIVE', groups: [] } as const;
  return { ...plain, provider: undefined, tierRank: undefined, ...unknown, ...said };
}

function byId<T extends { readonly id: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.id, item]));
}
