import type { PoolClient } from 'pg';
import type { Policy } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { storeFailure } from '../../db/errors.ts';
import { invalidFields } from '../../platform/service-error.ts';
import { runChange } from './change.ts';
import type { ChangeRequest, StoreParts } from './change.ts';
import { notFound, requireEtag } from './change-errors.ts';
import { countRows } from './list-order.ts';
import { fittingRows, pageOf, positionOf } from '../../platform/paging.ts';
import type { Change, PolicyRevision, PolicyStore } from '../policy-store.ts';
import type { Listed, Page, PageWeight } from '../../platform/paging.ts';
import { requireOrganization } from './records.ts';
import { openDoc } from './documents.ts';
import {
  appendRevision,
  decodeRevision,
  deletePolicyAt,
  isLive,
  readNewest,
  revisionColumns,
  revisionOf,
} from './policy-revisions.ts';
import type { RevisionRow } from './policy-revisions.ts';

type Policies = Pick<
  PolicyStore,
  | 'putPolicy'
  | 'revokeLimit'
  | 'deletePolicy'
  | 'getPolicy'
  | 'listPolicies'
  | 'listPolicyRevisions'
>;

/** The policy revisions of the store. */
export function storedPolicies(parts: StoreParts): Policies {
  return {
    putPolicy: (orgId, policy, by) => put(parts, orgId, policy, by),
    revokeLimit: (orgId, subject, name, by) => revokeLimit(parts, orgId, subject, name, by),
    deletePolicy: (orgId, subject, by) => deletePolicy(parts, orgId, subject, by),
    getPolicy: (orgId, subject, revision) => get(parts, orgId, subject, revision),
    listPolicies: (orgId, page) => listNewest(parts, orgId, page),
    listPolicyRevisions: (orgId, subject, page) => listRevisions(parts, orgId, subject, page),
  };
}

async function put(
  parts: StoreParts,
  orgId: string,
  policy: Policy,
  by: Change,
): Promise<PolicyRevision> {
  const content = ['put policy', { ...policy, revision: 0 }];
  const { result } = await runChange(parts, requestOf(orgId, by, content), async (locked) => {
    await requireSubject(locked.client, orgId, policy.subject);
    const newest = await readNewest(locked.client, orgId, policy.subject);
    const present = isLive(newest) ? newest : undefined;
    requireEtag(by, present, subjectText(policy.subject));
    return appendRevision(locked, newest, policy);
  });
  return result;
}

async function revokeLimit(
  parts: StoreParts,
  orgId: string,
  subject: Subject,
  name: string,
  by: Change,
): Promise<PolicyRevision> {
  const content = ['revoke limit', subject, name];
  const { result } = await runChange(parts, requestOf(orgId, by, content), async (locked) => {
    const before = await readNewest(locked.client, orgId, subject);
    const policy = before?.policy;
    if (policy === undefined || !policy.limits.some((limit) => limit.name === name)) {
      throw notFound('LIMIT_NOT_FOUND', `${subjectText(subject)}/${name}`);
    }
    requireEtag(by, before, subjectText(subject));
    const limits = policy.limits.filter((limit) => limit.name !== name);
    return appendRevision(locked, before, { ...policy, limits }, { revoked: name });
  });
  return result;
}

async function deletePolicy(
  parts: StoreParts,
  orgId: string,
  subject: Subject,
  by: Change,
): Promise<PolicyRevision> {
  const content = ['delete policy', subject];
  const { result } = await runChange(parts, requestOf(orgId, by, content), async (locked) => {
    const newest = await readNewest(locked.client, orgId, subject);
    const name = subjectText(subject);
    if (!isLive(newest)) throw notFound('POLICY_NOT_FOUND', name);
    requireEtag(by, newest, name);
    return deletePolicyAt(locked, newest);
  });
  return result;
}

function requestOf(
  orgId: string,
  by: Change,
  content: readonly unknown[],
): ChangeRequest<PolicyRevision> {
  return { orgId, by, content, decode: decodeRevision };
}

/** Teams, keys and tokens must be registered; other subjects may have limits before they are. */
async function requireSubject(client: PoolClient, orgId: string, subject: Subject): Promise<void> {
  const { kind, id } = subject;
  if (kind !== 'team' && kind !== 'key' && kind !== 'token') return;
  const { rowCount } = await client.query(
    'SELECT 1 FROM record WHERE org_id = $1 AND kind = $2 AND id = $3 AND NOT deleted',
    [orgId, kind, id],
  );
  if (rowCount === 0) {
    throw invalidFields([{ field: 'subject', description: `unknown ${kind} ${id}` }]);
  }
}

async function get(
  parts: StoreParts,
  orgId: string,
  subject: Subject,
  revision: number | undefined,
): Promise<PolicyRevision> {
  const { pool } = parts;
  try {
    if (revision === undefined) {
      const newest = await readNewest(pool, orgId, subject);
      if (isLive(newest)) return newest;
    } else {
      const { rows } = await pool.query<RevisionRow>(
        `SELECT ${revisionColumns} FROM policy_revision
WHERE org_id = $1 AND subject_kind = $2 AND subject_id = $3 AND revision = $4::bigint`,
        [orgId, subject.kind, subject.id, revision],
      );
      const [row] = rows;
      if (row !== undefined) return revisionOf(row);
    }
    await requireOrganization(parts, orgId);
  } catch (cause) {
    throw storeFailure(cause);
  }
  const suffix = revision === undefined ? '' : ` revision ${revision}`;
  throw notFound('POLICY_NOT_FOUND', `${subjectText(subject)}${suffix}`);
}

/** Policies differ in length by a factor of a thousand: first it is seen how many fit, by their stored size. */
const mostStoredBytes = 256 * 1024;
/** What is stored is compressed, so what is written is bounded too: by names, targets and rules. */
const pageWeight: PageWeight<RevisionRow> = { most: 10_000, of: partsOf };

function partsOf({ doc }: RevisionRow): number {
  const { limits, access } = openDoc<Policy>(doc);
  const targets = limits.map((limit) => 1 + (limit.targets?.length ?? 0));
  const rules = (access?.allow?.length ?? 0) + (access?.deny?.length ?? 0);
  return targets.reduce((sum, count) => sum + count, 1 + rules);
}

/** A statement that lists policies, the size of a page as its last parameter. */
interface PolicyList {
  /** What follows the columns. */
  readonly from: string;
  readonly parameters: readonly unknown[];
}

/** The rows of a page and one more, if there are more; and the page, smaller where less fits. */
async function rowsOfPage(
  { pool }: StoreParts,
  page: Page,
  { from, parameters }: PolicyList,
): Promise<{ readonly rows: readonly RevisionRow[]; readonly fitting: Page }> {
  const sizes = await pool.query<{ bytes: number }>(
    `SELECT pg_column_size(doc) AS bytes ${from} LIMIT $${parameters.length + 1}`,
    [...parameters, page.size + 1],
  );
  const weight = { most: mostStoredBytes, of: ({ bytes }: { bytes: number }) => bytes };
  const size = Math.max(1, fittingRows(sizes.rows, page.size, weight));
  const { rows } = await pool.query<RevisionRow>(
    `SELECT ${revisionColumns} ${from} LIMIT $${parameters.length + 1}`,
    [...parameters, size + 1],
  );
  return { rows, fitting: { ...page, size } };
}

async function listNewest(
  parts: StoreParts,
  orgId: string,
  page: Page,
): Promise<Listed<PolicyRevision>> {
  const list = `${orgId}/policies`;
  const [kind = '', id = ''] = positionOf(page, list, ['text', 'text']) ?? [];
  const matching = `FROM policy_revision WHERE org_id = $1 AND newest AND NOT deleted
  AND strpos(lower(subject_kind || ':' || subject_id), lower($2)) > 0`;
  const searched = [orgId, page.contains ?? ''];
  try {
    const total = await countRows(parts.pool, matching, searched);
    const { rows, fitting } = await rowsOfPage(parts, page, {
      from: `${matching} AND (subject_kind, subject_id) > ($3, $4) ORDER BY subject_kind, subject_id`,
      parameters: [...searched, kind, id],
    });
    if (rows.length === 0) await requireOrganization(parts, orgId);
    const position = (row: RevisionRow) => [row.subject_kind, row.subject_id];
    return { ...pageOf(rows, fitting, list, position, revisionOf, pageWeight), total };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function listRevisions(
  parts: StoreParts,
  orgId: string,
  subject: Subject,
  page: Page,
): Promise<Listed<PolicyRevision>> {
  const list = `${orgId}/revisions/${subjectText(subject)}`;
  const before = Number(positionOf(page, list, ['integer'])?.[0] ?? 2_147_483_647);
  const all = 'FROM policy_revision WHERE org_id = $1 AND subject_kind = $2 AND subject_id = $3';
  const whose = [orgId, subject.kind, subject.id];
  try {
    const total = await countRows(parts.pool, all, whose);
    const { rows, fitting } = await rowsOfPage(parts, page, {
      from: `${all} AND revision < $4::bigint ORDER BY revision DESC`,
      parameters: [...whose, before],
    });
    if (rows.length === 0) await requireOrganization(parts, orgId);
    const position = (row: RevisionRow) => [String(row.revision)];
    return { ...pageOf(rows, fitting, list, position, revisionOf, pageWeight), total };
  } catch (cause) {
    throw storeFailure(cause);
  }
}
