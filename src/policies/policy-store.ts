import type { CatalogSource, Model, ModelGroup, PriceSeries, RouteGroup } from '../core/catalog.ts';
import type { Credential, Principal, Registered, Team, User } from '../core/directory.ts';
import type { Organization } from '../core/organization.ts';
import type { Policy } from '../core/policy.ts';
import type { Subject } from '../core/subject.ts';
import type { ChangedUsage, UsageChange } from '../core/usage-change.ts';
import type { AuditedBy } from '../audit/audit-trail.ts';
import type { Listed, Page } from '../platform/paging.ts';
import type { UserWithPolicy } from './user-with-policy.ts';
import type { DirectoryCounts } from './directory-counts.ts';
import type { NewRaise, RaiseChange, RaiseFilter, StoredRaise } from './stored-raise.ts';
import type {
  ChangedPolicy,
  ListLimitRevisions,
  PolicyEdit,
  PolicyRevision,
} from './policy-changes.ts';
import type { PriceImport } from './price-import.ts';
import type { CatalogDeviation, ModelUse } from './catalog-uses.ts';
import type {
  NewPrice,
  PriceFilter,
  PriceImportAnswer,
  RevokedPrice,
  StoredPrice,
} from './stored-price.ts';

/**
 * The record behind the policies: what administrators write.
 *
 * Where it takes an organization, `platformId` stands for the platform, as far as its catalog goes. An organization reads the
 * models, route groups and model groups that apply to it, its own and those that it inherits; it changes its own alone.
 *
 * Atomic: every change happens whole, under the organization's lock (its meter row), together with one step of the
 * organization's epoch and its entries of the audit trail. So when a change returns, the next Check anywhere obeys it.
 * Etags: `etag` in an option must be the present one, else ABORTED `ETAG_MISMATCH`. `validateOnly` checks
 * everything, writes nothing, and returns what would be.
 * References are checked under the lock: unknown parents, members or teams are FIELD_INVALID with the field.
 * Idempotent: a change that carries a `requestId` seen before returns its first result.
 */
export interface PolicyStore extends DirectoryCounts {
  /** Creates an organization and, if one is given, the first revision of its policy, in one change. */
  createOrganization(
    organization: Organization,
    by: Change,
    policy?: Policy,
  ): Promise<CreatedOrganization>;
  updateOrganization(organization: Organization, by: Change): Promise<Stored<Organization>>;
  getOrganization(orgId: string): Promise<Stored<Organization>>;
  /** All of them or, if `orgIds` is given, those alone. */
  listOrganizations(
    page: Page,
    orgIds?: ReadonlySet<string>,
  ): Promise<Listed<Stored<Organization>>>;

  /** Creates or replaces a record; fails as `by.exists` says. */
  put<K extends RecordKind>(
    orgId: string,
    kind: K,
    record: RecordOf[K],
    by: Change,
  ): Promise<Stored<RecordOf[K]>>;
  get<K extends RecordKind>(orgId: string, kind: K, id: string): Promise<Stored<RecordOf[K]>>;
  /** Those of the ids that are there, by id. */
  getMany<K extends RecordKind>(
    orgId: string,
    kind: K,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, Stored<RecordOf[K]>>>;
  list<K extends RecordKind>(
    orgId: string,
    kind: K,
    page: Page,
  ): Promise<Listed<Stored<RecordOf[K]>>>;

  /**
   * Deletes a record and the policy on it; answers it as it was. FAILED_PRECONDITION `RECORD_IN_USE`, with what still
   * names it. Versions and revisions go on counting when it is created again.
   */
  delete<K extends DeletableKind>(
    orgId: string,
    kind: K,
    id: string,
    by: Change,
  ): Promise<Stored<RecordOf[K]>>;

  /** Every label that a model has or that has a record, by id. */
  listModelGroups(orgId: string, page: Page): Promise<Listed<ListedModelGroup>>;
  /** How many models have a label. */
  countModels(orgId: string, groupId: string): Promise<number>;

  /**
   * Creates a credential with the SHA-256 of its secret. A repeat (by `requestId`) answers the credential
   * first created, `replayed`: its secret is not the one just given, and cannot be shown again.
   */
  createCredential(
    orgId: string,
    credential: Credential,
    secretSha256: Buffer,
    by: Change,
  ): Promise<CreatedCredential>;

  /** Appends a revision; `policy.revision` is ignored. */
  putPolicy(orgId: string, policy: Policy, by: Change): Promise<PolicyRevision>;
  /**
   * Appends revisions, all or none. Each is made under the lock from what is there then, so changes of different parts
   * of a policy all count. The etags are in the edits.
   */
  changePolicies(
    orgId: string,
    edits: readonly PolicyEdit[],
    by: Change,
  ): Promise<readonly ChangedPolicy[]>;
  /**
   * Fails as putting all of them would, and takes no lock; etags are not compared. `field` names a policy's subject in
   * the request.
   */
  checkPolicies(
    orgId: string,
    policies: readonly { readonly policy: Policy; readonly field: string }[],
  ): Promise<void>;
  /** The newest, or the one named; NOT_FOUND if the newest deleted the policy. */
  getPolicy(orgId: string, subject: Subject, revision: number | undefined): Promise<PolicyRevision>;
  /** Newest policies of an organization, by subject. */
  listPolicies(orgId: string, page: Page): Promise<Listed<PolicyRevision>>;
  /** The users that are registered or have a policy, by id. */
  listUsersWithPolicies(orgId: string, page: Page): Promise<Listed<UserWithPolicy>>;
  /** All revisions of one subject, newest first. */
  listPolicyRevisions(orgId: string, subject: Subject, page: Page): Promise<Listed<PolicyRevision>>;

  readonly listLimitRevisions: ListLimitRevisions;

  /** Appends prices, all or none. */
  appendPrices(
    orgId: string,
    prices: readonly NewPrice[],
    by: Change,
  ): Promise<readonly StoredPrice[]>;
  /**
   * Ends one revision, whether it is in force, still to come, or replaced already; NOT_FOUND `PRICE_NOT_FOUND` if there
   * is no such revision. The revisions that the one in force had replaced end with it. A revision that has ended is
   * answered as it stands, and nothing is changed.
   */
  revokePrice(
    orgId: string,
    series: PriceSeries,
    revision: number,
    by: Change,
  ): Promise<RevokedPrice>;
  /** Those that apply to an organization: own ones, and those that it inherits. */
  listPrices(orgId: string, filter: PriceFilter, page: Page): Promise<Listed<StoredPrice>>;
  /** Where a model is named, a page of them; see `CatalogService.ListModelUses`. */
  listModelUses(orgId: string, id: string, page: Page): Promise<Listed<ModelUse>>;
  /** Organizations that differ from the platform; see `CatalogService.ListCatalogDeviations`. */
  listCatalogDeviations(name: string | undefined, page: Page): Promise<Listed<CatalogDeviation>>;
  /**
   * Compares offered prices with those in force and appends a revision where they differ, all in one change.
   * Where nothing differs, nothing is written: no revision, no step of the epoch, no entry of the audit trail.
   * Answers one page of what was done; the first one, unless it is `validateOnly`.
   */
  importPrices(
    orgId: string,
    prices: PriceImport,
    page: Page,
    by: Change,
  ): Promise<PriceImportAnswer>;

  /**
   * Raises a limit for a while: NOT_FOUND `LIMIT_NOT_FOUND`, FAILED_PRECONDITION `RAISE_WITHOUT_EFFECT` where it would not
   * be raised, `TOO_MANY_RAISES`, ALREADY_EXISTS `RAISE_EXISTS`.
   */
  createRaise(orgId: string, raise: NewRaise, by: Change): Promise<RaiseChange>;
  getRaise(orgId: string, id: string): Promise<StoredRaise>;
  /** Newest first. */
  listRaises(orgId: string, filter: RaiseFilter, page: Page): Promise<Listed<StoredRaise>>;
  /** Ends a raise; one that is not active is answered as it stands, and nothing is changed. */
  revokeRaise(orgId: string, id: string, by: Change): Promise<RaiseChange>;

  /** Adjusts or resets usage, audited, without a step of the epoch. CALL_NOT_FOUND, CREDIT_TOO_LARGE, FIELD_INVALID. */
  changeUsage(orgId: string, change: UsageChange, by: Change): Promise<ChangedUsage>;

  /** The revisions of one record, or of all that an organization has, newest first. */
  listRevisions(
    orgId: string,
    of: { readonly kind: 'organization' | RecordKind; readonly id: string } | undefined,
    page: Page,
  ): Promise<Listed<Revision>>;
}

/** Kinds of what changes, in the order of the contract's numbers: records, and what has revisions of its own. */
export const revisionKinds = [
  'organization',
  'team',
  'user',
  'principal',
  'app',
  'customer',
  'key',
  'token',
  'model',
  'route_group',
  'model_group',
  'policy',
  'price',
  'raise',
] as const satisfies readonly ('organization' | RecordKind | 'policy' | 'price' | 'raise')[];
/** One of them. */
export type RevisionKind = (typeof revisionKinds)[number];

/** A record as one of its revisions had it. */
export type RevisedRecord =
  | { readonly kind: 'organization'; readonly record: Organization }
  | { readonly [K in RecordKind]: { readonly kind: K; readonly record: RecordOf[K] } }[RecordKind];

/** One change of one record: who, when, why, and what it was then. */
export interface Revision {
  readonly kind: RevisionKind;
  /** The id of a record, the subject of a policy, which prices. */
  readonly id: string;
  /** Undefined of prices. */
  readonly revision: number | undefined;
  readonly deleted: boolean;
  readonly reason: string;
  readonly actor: string;
  readonly atMs: number;
  /** After the change, or before a deletion; undefined of policies and prices. */
  readonly content: RevisedRecord | undefined;
}

export interface RecordOf {
  team: Team;
  user: User;
  principal: Principal;
  app: Registered;
  customer: Registered;
  key: Credential;
  token: Credential;
  model: Model;
  route_group: RouteGroup;
  model_group: ModelGroup;
}
export type RecordKind = keyof RecordOf;
/** The kinds that can be deleted. Credentials are revoked instead: a secret stays known, and an id is never another's. */
export type DeletableKind = Exclude<RecordKind, 'key' | 'token'>;

/** Who changes, why, and on what condition. */
export interface Change extends AuditedBy {
  /** Empty or undefined: none. */
  readonly etag?: string | undefined;
  /** `create`: ALREADY_EXISTS if it exists; `update`: NOT_FOUND if it does not; `any`: either. */
  readonly exists: 'create' | 'update' | 'any';
  readonly validateOnly?: boolean;
  /**
   * The request as it came, where what is written follows from more than it: from what was there, from the
   * time. A repeat is then recognised by this instead of by what would be written.
   */
  readonly requested?: string | undefined;
}

/**
 * Whose the platform's catalog is, where the store says an organization: the empty id, which no organization can have. It has
 * the same tables, changes, history and repeats as an organization's catalog.
 */
export const platformId = '';

/** The etag of what is not there: no record has it. */
export const absentEtag = '0';

export interface Stored<T> {
  readonly record: T;
  /** `absentEtag` of an entry that is inherited: the organization has none of its own. */
  readonly etag: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Of models, route groups and model groups. */
  readonly origin?: Origin | undefined;
}

/** Whose an entry of the catalog is. */
export interface Origin {
  readonly source: CatalogSource;
  /** It is an organization's own, in place of an entry of its name that the organization would inherit. */
  readonly replacesPlatform: boolean;
}

/** A label of models, and how many models have it; `stored` only if it has a record. */
export interface ListedModelGroup {
  readonly id: string;
  readonly models: number;
  readonly stored: Stored<ModelGroup> | undefined;
}

/** An organization, and the policy that was created with it. */
export interface CreatedOrganization extends Stored<Organization> {
  readonly policy: PolicyRevision | undefined;
}

export interface CreatedCredential extends Stored<Credential> {
  readonly replayed: boolean;
}
