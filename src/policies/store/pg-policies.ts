import type { Pool } from 'pg';
import type { Model, PriceRevision, Rates, RouteGroup } from '../../core/catalog.ts';
import type { Team } from '../../core/directory.ts';
import { familiesOf } from '../../core/meters.ts';
import type { MeterFamily } from '../../core/organization-view.ts';
import type { Organization } from '../../core/organization.ts';
import type { Policy } from '../../core/policy.ts';
import type { Raise } from '../../core/raise.ts';
import type { Subject, SubjectKind } from '../../core/subject.ts';
import { storeFailure } from '../../db/errors.ts';
import type { RecordOf } from '../policy-store.ts';
import { namedKinds, sharedPolicyKinds, sharedRecordKinds } from './shared-kinds.ts';
import type { NamedKind } from './shared-kinds.ts';
import { organizationOf } from './organizations.ts';
import type { OrganizationRow } from './organizations.ts';
import { decodePolicy, decodePrice, decodeRecord, openDoc } from './documents.ts';
import type { Doc, StoredDoc } from './documents.ts';
import { decodeRaise, raiseDocument } from './raise-rows.ts';
import type { RaiseDoc } from './raise-rows.ts';

/** What of an organization is new after an epoch, read at one instant: the changes up to `epoch`. */
export interface OrganizationChanges {
  readonly epoch: number;
  readonly organization: Organization;
  readonly teams: readonly Team[];
  readonly models: readonly Model[];
  readonly routeGroups: readonly RouteGroup[];
  /** Of organization, teams, tiers and labels. */
  readonly policies: readonly Policy[];
  readonly prices: readonly PriceRevision[];
  /** Of shared subjects, with whether they were revoked. */
  readonly raises: readonly ChangedRaise[];
  /** Raises that were over before this instant are not read, and need not be kept. */
  readonly raisesOverBeforeMs: number;
  /** What of these was deleted; none when the whole was read. */
  readonly deleted: readonly DeletedPart[];
  /** The other subjects whose record or policy changed; none when the whole was read. */
  readonly named: readonly NamedSubject[];
}

/** A raise that is new, or was revoked. */
export interface ChangedRaise {
  readonly raise: Raise;
  readonly isRevoked: boolean;
}

/** A record or policy that is gone. */
export type DeletedPart =
  | { readonly part: (typeof sharedRecordKinds)[number]; readonly id: string }
  | { readonly part: 'policy'; readonly subject: Subject };

/** A subject that is loaded when a call names it. */
export interface NamedSubject {
  readonly kind: NamedKind;
  readonly id: string;
}

/** A named subject with its record and policy; undefined where it has none. */
export type LoadedSubject = {
  readonly [K in NamedKind]: {
    readonly kind: K;
    readonly id: string;
    readonly record: RecordOf[K] | undefined;
    readonly policy: Policy | undefined;
    /** Those that are for it, but for what was over when they were read. */
    readonly raises: readonly Raise[];
    /** Of the policy. */
    readonly families: readonly MeterFamily[];
  };
}[NamedKind];

type ChangedRow =
  | { readonly part: 'organization'; readonly epoch: string; readonly doc: OrganizationRow }
  | { readonly part: 'team'; readonly doc: StoredDoc<Team> }
  | { readonly part: 'model'; readonly doc: StoredDoc<Model> }
  | { readonly part: 'route_group'; readonly doc: StoredDoc<RouteGroup> }
  | { readonly part: 'policy'; readonly doc: StoredDoc<Policy> }
  | { readonly part: 'price'; readonly doc: PriceDoc }
  | { readonly part: 'raise'; readonly doc: RaiseDoc }
  | { readonly part: 'revoked_raise'; readonly doc: RaiseDoc }
  | {
      readonly part: 'deleted_record';
      readonly kind: (typeof sharedRecordKinds)[number];
      readonly id: string;
    }
  | { readonly part: 'deleted_policy'; readonly kind: SubjectKind; readonly id: string }
  | { readonly part: 'named'; readonly kind: NamedKind; readonly id: string };

/** A price as the statement below builds it; only its rates are a document of their own. */
type PriceDoc = Omit<Doc<PriceRevision>, 'rates'> & { readonly rates: StoredDoc<readonly Rates[]> };

/**
 * One statement, so that all of it is seen at one instant without a transaction around it. A named subject is only
 * listed, and loaded again when a call names it.
 * When the whole is read, what was deleted is left out.
 *   $1 org_id; $2 the epoch after which, 0 for the whole; $3, $4 the shared kinds of records and policies;
 *   $5 the named kinds, empty when the whole is read; $6 how many named subjects at most; $7 before when raises may be
 *   over to be left out when the whole is read, milliseconds.
 */
const readChangesStatement = `
SELECT 'organization' AS part, '' AS kind, '' AS id, o.epoch,
  to_jsonb(o) || jsonb_build_object('default_output_tokens', o.default_output_tokens::text) AS doc
FROM org o WHERE o.org_id = $1
UNION ALL
SELECT CASE WHEN r.deleted THEN 'deleted_record' ELSE r.kind END, r.kind, r.id, r.epoch, r.doc
FROM record r WHERE r.org_id = $1 AND r.epoch > $2 AND r.kind = ANY($3::text[]) AND NOT (r.deleted AND $2 = 0)
UNION ALL
SELECT CASE WHEN p.deleted THEN 'deleted_policy' ELSE 'policy' END, p.subject_kind, p.subject_id, p.epoch, p.doc
FROM policy_revision p
WHERE p.org_id = $1 AND p.newest AND p.epoch > $2 AND p.subject_kind = ANY($4::text[])
  AND NOT (p.deleted AND $2 = 0)
UNION ALL
SELECT 'price', c.scope, c.subject, c.epoch, jsonb_strip_nulls(jsonb_build_object(
  'scope', c.scope, 'subject', c.subject, 'serviceTier', nullif(c.service_tier, ''), 'revision', c.revision,
  'perTokens', c.per_tokens::text, 'rates', c.rates, 'effectiveAtMs', c.effective_at_ms,
  'epoch', c.epoch, 'revokedEpoch', c.revoked_epoch, 'reason', c.reason))
FROM price_revision c WHERE c.org_id = $1 AND c.changed_epoch > $2
UNION ALL
SELECT CASE WHEN w.revoked_at IS NULL THEN 'raise' ELSE 'revoked_raise' END, '', '', 0::bigint, ${raiseDocument}
FROM limit_raise w WHERE w.org_id = $1 AND w.changed_epoch > $2 AND w.owner_kind = ANY($4::text[])
  AND ($2 > 0 OR (w.revoked_at IS NULL AND w.over_ms > $7))
UNION ALL
SELECT * FROM (
  SELECT 'named', n.kind, n.id, 0::bigint, NULL::jsonb FROM (
    SELECT r.kind, r.id FROM record r
    WHERE r.org_id = $1 AND r.epoch > $2 AND r.kind = ANY($5::text[])
    UNION
    SELECT p.subject_kind, p.subject_id FROM policy_revision p
    WHERE p.org_id = $1 AND p.newest AND p.epoch > $2 AND p.subject_kind = ANY($5::text[])
    UNION
    SELECT w.owner_kind, w.owner_id FROM limit_raise w
    WHERE w.org_id = $1 AND w.changed_epoch > $2 AND w.owner_kind = ANY($5::text[])
  ) AS n LIMIT $6
) AS changed`;

/** How many named subjects a delta may list. If there are more, everything is read and the cache is cleared. */
const mostNamed = 10_000;

/** Reads a whole organization; undefined if there is none. */
export function readOrganization(
  pool: Pool,
  orgId: string,
  raisesOverBeforeMs: number,
): Promise<OrganizationChanges | undefined> {
  return readSince(pool, orgId, { epoch: 0, named: [], raisesOverBeforeMs });
}

/** Reads what changed after an epoch; undefined if there is no such organization or too much changed. */
export async function readDelta(
  pool: Pool,
  orgId: string,
  epoch: number,
  raisesOverBeforeMs: number,
): Promise<OrganizationChanges | undefined> {
  const since = { epoch, named: namedKinds, raisesOverBeforeMs };
  const changes = await readSince(pool, orgId, since);
  return changes === undefined || changes.named.length > mostNamed ? undefined : changes;
}

/** What is read: after an epoch, with the named subjects of some kinds. */
interface Since {
  readonly epoch: number;
  readonly named: readonly NamedKind[];
  readonly raisesOverBeforeMs: number;
}

async function readSince(
  pool: Pool,
  orgId: string,
  { epoch, named, raisesOverBeforeMs }: Since,
): Promise<OrganizationChanges | undefined> {
  const kinds = [sharedRecordKinds, sharedPolicyKinds, named];
  const parameters = [orgId, epoch, ...kinds, mostNamed + 1, raisesOverBeforeMs];
  let rows: readonly ChangedRow[];
  try {
    ({ rows } = await pool.query<ChangedRow>(readChangesStatement, parameters));
  } catch (cause) {
    throw storeFailure(cause);
  }
  const own = rows.find((row) => row.part === 'organization');
  if (own === undefined) return undefined;
  return {
    epoch: Number(own.epoch),
    organization: organizationOf(own.doc),
    teams: rows.flatMap((row) =>
      row.part === 'team' ? [decodeRecord('team', openDoc<Team>(row.doc))] : [],
    ),
    models: rows.flatMap((row) =>
      row.part === 'model' ? [decodeRecord('model', openDoc<Model>(row.doc))] : [],
    ),
    routeGroups: rows.flatMap((row) =>
      row.part === 'route_group' ? [decodeRecord('route_group', openDoc<RouteGroup>(row.doc))] : [],
    ),
    policies: rows.flatMap((row) =>
      row.part === 'policy' ? [decodePolicy(openDoc<Policy>(row.doc))] : [],
    ),
    prices: rows.flatMap((row) =>
      row.part === 'price'
        ? [decodePrice({ ...row.doc, rates: openDoc<readonly Rates[]>(row.doc.rates) })]
        : [],
    ),
    raises: rows.flatMap((row) =>
      row.part === 'raise' || row.part === 'revoked_raise'
        ? [{ raise: decodeRaise(row.doc), isRevoked: row.part === 'revoked_raise' }]
        : [],
    ),
    raisesOverBeforeMs,
    deleted: rows.flatMap((row): DeletedPart[] => {
      if (row.part === 'deleted_record') return [{ part: row.kind, id: row.id }];
      if (row.part !== 'deleted_policy') return [];
      return [{ part: 'policy', subject: { kind: row.kind, id: row.id } }];
    }),
    named: rows.flatMap((row) => (row.part === 'named' ? [{ kind: row.kind, id: row.id }] : [])),
  };
}

/** Named subjects as they stood at `epoch`, in the order they were asked for. */
export interface ReadSubjects {
  readonly epoch: number;
  readonly subjects: readonly LoadedSubject[];
}

interface SubjectRow {
  readonly epoch: string;
  readonly kind: NamedKind;
  readonly id: string;
  readonly record: StoredDoc<RecordOf[NamedKind]> | null;
  readonly policy: StoredDoc<Policy> | null;
  readonly raises: readonly RaiseDoc[] | null;
}

/** Reads records and policies of named subjects, all at one instant; undefined without organization. */
export async function readSubjects(
  pool: Pool,
  orgId: string,
  subjects: readonly NamedSubject[],
  raisesOverBeforeMs: number,
): Promise<ReadSubjects | undefined> {
  try {
    const { rows } = await pool.query<SubjectRow>(
      `SELECT o.epoch, n.kind, n.id, r.doc AS record, p.doc AS policy, (
  SELECT jsonb_agg(${raiseDocument}) FROM limit_raise w
  WHERE w.org_id = o.org_id AND w.org_id = $1 AND w.owner_kind = n.kind AND w.owner_id = n.id
    AND w.revoked_at IS NULL AND w.over_ms > $4) AS raises
FROM org o CROSS JOIN unnest($2::text[], $3::text[]) WITH ORDINALITY AS n(kind, id, place)
LEFT JOIN record r ON r.org_id = o.org_id AND r.org_id = $1 AND r.kind = n.kind AND r.id = n.id
  AND NOT r.deleted
LEFT JOIN policy_revision p ON p.org_id = o.org_id AND p.org_id = $1 AND p.newest
  AND p.subject_kind = n.kind AND p.subject_id = n.id AND NOT p.deleted
WHERE o.org_id = $1 ORDER BY n.place`,
      [orgId, subjects.map(({ kind }) => kind), subjects.map(({ id }) => id), raisesOverBeforeMs],
    );
    const epoch = rows[0]?.epoch;
    if (epoch === undefined) return undefined;
    return { epoch: Number(epoch), subjects: rows.map(loadedSubject) };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

function loadedSubject(row: SubjectRow): LoadedSubject {
  const policy = row.policy === null ? undefined : decodePolicy(openDoc<Policy>(row.policy));
  const subject = {
    kind: row.kind,
    id: row.id,
    record:
      row.record === null
        ? undefined
        : decodeRecord(row.kind, openDoc<RecordOf[NamedKind]>(row.record)),
    policy,
    raises: (row.raises ?? []).map(decodeRaise),
    families: policy === undefined ? [] : familiesOf(policy),
  };
  // The statement joins a record of the row's own kind.
  return subject as LoadedSubject;
}
