import type { PoolClient } from 'pg';
import type { Organization } from '../../core/organization.ts';
import type { Policy } from '../../core/policy.ts';
import { isSameCalendar } from '../../core/window.ts';
import { storeFailure } from '../../db/errors.ts';
import { inTransaction } from '../../db/transaction.ts';
import { finishChange, firstAnswer, runChange } from './change.ts';
import type { ChangeRequest, StoreParts } from './change.ts';
import { alreadyExists, notFound, requireEtag } from './change-errors.ts';
import { decodeOrganization } from './documents.ts';
import type { Doc } from './documents.ts';
import { appendRevision, decodeRevision } from './policy-revisions.ts';
import { countRows, sortedList } from './list-order.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import { platformId } from '../policy-store.ts';
import type { Change, CreatedOrganization, PolicyStore, Stored } from '../policy-store.ts';
import type { Listed, Page } from '../../platform/paging.ts';

type Organizations = Pick<
  PolicyStore,
  'createOrganization' | 'updateOrganization' | 'getOrganization' | 'listOrganizations'
>;

/** The organizations of the store. */
export function storedOrganizations(parts: StoreParts): Organizations {
  return {
    createOrganization: (organization, by, policy) => create(parts, organization, by, policy),
    updateOrganization: (organization, by) => update(parts, organization, by),
    getOrganization: (orgId) => get(parts, orgId),
    listOrganizations: (page, orgIds) => list(parts, page, orgIds),
  };
}

/** A row of `org`, as far as an organization is made of it. */
export interface OrganizationRow {
  readonly org_id: string;
  readonly version: string;
  readonly state: Organization['state'];
  readonly display_name: string;
  readonly owner: string;
  readonly time_zone: string;
  readonly week_start: number;
  readonly month_anchor_day: number;
  readonly unknown_models: 'ALLOW' | 'DENY' | null;
  readonly catalog: Organization['catalog'];
  readonly unknown_subjects: Organization['unknownSubjects'];
  readonly unpriced: Organization['unpriced'];
  readonly on_expiry: Organization['onExpiry'];
  readonly on_unknown_usage: Organization['onUnknownUsage'];
  readonly on_store_failure: Organization['onStoreFailure'];
  readonly store_content: Organization['storeContent'];
  readonly default_output_tokens: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const settingColumns = [
  'state',
  'display_name',
  'owner',
  'time_zone',
  'week_start',
  'month_anchor_day',
  'unknown_models',
  'catalog',
  'unknown_subjects',
  'unpriced',
  'on_expiry',
  'on_unknown_usage',
  'on_store_failure',
  'store_content',
  'default_output_tokens',
] as const;
const fromMatching = `FROM org WHERE org_id <> '${platformId}' AND strpos(lower(org_id || ' ' || display_name), lower($1)) > 0
  AND ($2::text[] IS NULL OR org_id = ANY($2))`;
const sortExpressions = {
  id: 'org_id',
  display_name: 'lower(display_name) COLLATE "C"',
  create_time: 'created_at',
  update_time: 'updated_at',
};
const allColumns = `org_id, version, ${settingColumns.join(', ')}, created_at, updated_at`;

async function create(
  parts: StoreParts,
  organization: Organization,
  by: Change,
  policy: Policy | undefined,
): Promise<CreatedOrganization> {
  const request = creationOf(organization, by, policy);
  const discard = by.validateOnly === true;
  const now = new Date(parts.clock.nowMs());
  const { result, replayed } = await inTransaction(
    parts.pool,
    async (client) => {
      const inserted = await insert(client, organization, now);
      if (inserted === undefined) {
        const first = await firstAnswer(client, request);
        if (first === undefined) throw alreadyExists('ORGANIZATION_EXISTS', organization.id);
        return { result: first.result, replayed: true };
      }
      requireEtag(by, undefined, organization.id);
      const locked = { client, orgId: organization.id, epoch: 1, now, by };
      const declared = policy && (await appendRevision(locked, { newest: undefined, policy }));
      const result = { ...inserted, policy: declared?.result };
      await finishChange(locked, request, {
        result,
        kind: 'organization',
        subject: organization.id,
        revision: 1,
        before: undefined,
        after: organization,
        also: declared === undefined ? [] : [declared],
      });
      return { result, replayed: false };
    },
    { discard },
  );
  const notice = { orgId: organization.id, epoch: 1, kind: 'organization' };
  if (!discard && !replayed) parts.onChange?.(notice);
  return result;
}

/** Inserts the organization and its own meter, the row that is its lock; undefined if it exists. */
async function insert(
  client: PoolClient,
  organization: Organization,
  now: Date,
): Promise<Stored<Organization> | undefined> {
  const places = settingColumns.map((_, index) => `$${index + 3}`).join(', ');
  const { rows } = await client.query<OrganizationRow>(
    `INSERT INTO org (org_id, epoch, version, created_at, updated_at, ${settingColumns.join(', ')})
VALUES ($1, 1, 1, $2, $2, ${places}) ON CONFLICT DO NOTHING RETURNING ${allColumns}`,
    [organization.id, now, ...settingsOf(organization)],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  await client.query("INSERT INTO meter (org_id, meter_id, family) VALUES ($1, 'org', '')", [
    organization.id,
  ]);
  return storedOf(row);
}

async function update(
  parts: StoreParts,
  organization: Organization,
  by: Change,
): Promise<Stored<Organization>> {
  const orgId = organization.id;
  const content = ['update organization', organization];
  const request = { orgId, by, content, decode: decodeStored };
  const { result } = await runChange(parts, request, async ({ client, now }) => {
    const before = await read(client, orgId);
    requireEtag(by, before, orgId);
    const assignments = settingColumns.map((column, index) => `${column} = $${index + 3}`);
    const { rows } = await client.query<OrganizationRow>(
      `UPDATE org SET version = version + 1, updated_at = $2, ${assignments.join(', ')}
WHERE org_id = $1 RETURNING ${allColumns}`,
      [orgId, now, ...settingsOf(organization)],
    );
    const [row] = rows;
    if (row === undefined) throw notFound('ORGANIZATION_NOT_FOUND', orgId);
    const moved = !isSameCalendar(before.record.calendar, organization.calendar);
    if (moved && by.validateOnly !== true) {
      await parts.onCalendarChange(client, orgId, organization.calendar);
    }
    return {
      result: storedOf(row),
      kind: 'organization',
      subject: orgId,
      revision: Number(row.version),
      before: before.record,
      after: organization,
    };
  });
  return result;
}

function creationOf(
  organization: Organization,
  by: Change,
  policy: Policy | undefined,
): ChangeRequest<CreatedOrganization> {
  const content = ['create organization', organization, policy];
  const decode = (doc: Doc<CreatedOrganization>): CreatedOrganization => ({
    ...decodeStored(doc),
    policy: doc.policy && decodeRevision(doc.policy),
  });
  return { orgId: organization.id, by, content, decode };
}

function decodeStored(doc: Doc<Stored<Organization>>): Stored<Organization> {
  return { ...doc, record: decodeOrganization(doc.record) };
}

async function get(parts: StoreParts, orgId: string): Promise<Stored<Organization>> {
  try {
    return await read(parts.pool, orgId);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function read(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
): Promise<Stored<Organization>> {
  const statement = `SELECT ${allColumns} FROM org WHERE org_id = $1`;
  const { rows } = await client.query<OrganizationRow>(statement, [orgId]);
  const [row] = rows;
  if (row === undefined) throw notFound('ORGANIZATION_NOT_FOUND', orgId);
  return storedOf(row);
}

async function list(
  parts: StoreParts,
  page: Page,
  orgIds: ReadonlySet<string> | undefined,
): Promise<Listed<Stored<Organization>>> {
  const sorted = sortedList(page.order, sortExpressions);
  const after = positionOf(page, 'organizations', sorted.columns);
  const matching = [page.contains ?? '', orgIds === undefined ? null : [...orgIds]];
  try {
    const { rows } = await parts.pool.query<OrganizationRow & { readonly sort_key: string }>(
      `SELECT ${allColumns}, ${sorted.key} AS sort_key ${fromMatching}
  ${after === undefined ? '' : `AND ${sorted.after(4)}`} ORDER BY ${sorted.orderBy} LIMIT $3`,
      [...matching, page.size + 1, ...(after ?? [])],
    );
    const total = await countRows(parts.pool, fromMatching, matching);
    const position = (row: (typeof rows)[number]) => sorted.position(row.sort_key, row.org_id);
    return { ...pageOf(rows, page, 'organizations', position, storedOf), total };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

/** Makes an organization from the columns of its settings. */
export function organizationOf(
  row: Omit<OrganizationRow, 'version' | 'created_at' | 'updated_at'>,
): Organization {
  return {
    id: row.org_id,
    displayName: row.display_name,
    owner: row.owner || undefined,
    state: row.state,
    calendar: {
      timeZone: row.time_zone,
      weekStart: row.week_start,
      monthAnchorDay: row.month_anchor_day,
    },
    unknownModels: row.unknown_models ?? undefined,
    catalog: row.catalog,
    unknownSubjects: row.unknown_subjects,
    unpriced: row.unpriced,
    onExpiry: row.on_expiry,
    onUnknownUsage: row.on_unknown_usage,
    onStoreFailure: row.on_store_failure,
    storeContent: row.store_content,
    defaultOutputTokens: BigInt(row.default_output_tokens),
  };
}

/** The values of `settingColumns`, in their order. */
function settingsOf(organization: Organization): readonly unknown[] {
  const { calendar } = organization;
  return [
    organization.state,
    organization.displayName,
    organization.owner ?? '',
    calendar.timeZone,
    calendar.weekStart,
    calendar.monthAnchorDay,
    organization.unknownModels ?? null,
    organization.catalog,
    organization.unknownSubjects,
    organization.unpriced,
    organization.onExpiry,
    organization.onUnknownUsage,
    organization.onStoreFailure,
    organization.storeContent,
    organization.defaultOutputTokens,
  ];
}

function storedOf(row: OrganizationRow): Stored<Organization> {
  return {
    record: organizationOf(row),
    etag: row.version,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
}
