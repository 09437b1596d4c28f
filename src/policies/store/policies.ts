import { setImmediate as giveTurn } from 'node:timers/promises';
import type { Policy } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { storeFailure } from '../../db/errors.ts';
import { runChange } from './change.ts';
import type { StoreParts } from './change.ts';
import { notFound, requireEtag } from './change-errors.ts';
import { countRows } from './list-order.ts';
import { fittingRows, mostCounted, pageOf, positionOf, tokenAfter } from '../../platform/paging.ts';
import type { ChangedPolicy, PolicyEdit, PolicyRevision } from '../policy-changes.ts';
import type { Change, PolicyStore } from '../policy-store.ts';
import type { Listed, Page, PageWeight, Position } from '../../platform/paging.ts';
import { policyParts, requireReadable, requireSubjects, requireWritable } from './policy-bounds.ts';
import { requireOrganization } from './records.ts';
import { openDoc } from './documents.ts';
import type { Doc } from './documents.ts';
import {
  appendRevisions,
  decodeChanged,
  isLive,
  readNewest,
  readNewestOf,
  revisionColumns,
  revisionOf,
} from './policy-revisions.ts';
import type { RevisionRow } from './policy-revisions.ts';

type Policies = Pick<
  PolicyStore,
  'putPolicy' | 'changePolicies' | 'getPolicy' | 'listPolicies' | 'listPolicyRevisions'
>;

/** The policy revisions of the store. */
export function storedPolicies(parts: StoreParts): Policies {
  return {
    putPolicy: (orgId, policy, by) => changeOne(parts, orgId, put(policy, by), by),
    changePolicies: (orgId, edits, by) => change(parts, orgId, edits, by),
    getPolicy: (orgId, subject, revision) => get(parts, orgId, subject, revision),
    listPolicies: (orgId, page) => listNewest(parts, orgId, page),
    listPolicyRevisions: (orgId, subject, page) => listRevisions(parts, orgId, subject, page),
  };
}

async function change(
  parts: StoreParts,
  orgId: string,
  edits: readonly PolicyEdit[],
  by: Change,
): Promise<readonly ChangedPolicy[]> {
  const content = ['change policies', edits.map((one) => [one.subject, one.etag, one.content])];
  const decode = (doc: Doc<readonly ChangedPolicy[]>) => doc.map(decodeChanged);
  const request = { orgId, by, content, decode };
  const { result } = await runChange(parts, request, async (locked) => {
    const subjects = edits.map(({ subject }) => subject);
    await requireSubjects(locked.client, orgId, edits);
    await requireReadable(locked.client, orgId, edits);
    const newest = await readNewestOf(locked.client, orgId, subjects);
    const appended = edits.map(({ subject, etag, edit }) => {
      const name = subjectText(subject);
      const last = newest.get(name);
      const present = isLive(last) ? last : undefined;
      const edited = edit(present);
      requireEtag({ ...by, etag }, present, name);
      return { newest: last, present, ...edited };
    });
    requireWritable(edits, appended);
    // The largest policies were read, judged and compared until here.
    await giveTurn();
    const [first, ...also] = await appendRevisions(locked, appended);
    if (first === undefined) throw new Error('a change of no policy');
    const done = [first, ...also];
    const changed = appended.map(({ present }, index) => ({
      revision: found(done[index]).result,
      before: present,
      findings: edits[index]?.review?.(found(done[index]).result.policy) ?? [],
    }));
    return { ...first, also, result: changed };
  });
  return result;
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a revision that was appended was not answered');
  return value;
}

async function changeOne(
  parts: StoreParts,
  orgId: string,
  edit: PolicyEdit,
  by: Change,
): Promise<PolicyRevision> {
  const [changed] = await change(parts, orgId, [edit], by);
  return found(changed).revision;
}

function put(policy: Policy, { etag }: Change): PolicyEdit {
  const { subject } = policy;
  return {
    subject,
    field: 'subject',
    etag,
    content: ['put', { ...policy, revision: 0 }],
    edit: () => ({ policy }),
  };
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
  return policyParts(openDoc<Policy>(doc));
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

/** A page of a search looks at no more policies than this: it may be short, or empty, and not be the last. */
const mostSearched = 10_000;
const live = 'FROM policy_revision WHERE org_id = $1 AND newest AND NOT deleted';
const inOrder = 'ORDER BY subject_kind, subject_id';

async function listNewest(
  parts: StoreParts,
  orgId: string,
  page: Page,
): Promise<Listed<PolicyRevision>> {
  const list = `${orgId}/policies`;
  const after = positionOf(page, list, ['text', 'text']) ?? ['', ''];
  const { contains = '' } = page;
  try {
    const end = contains === '' ? undefined : await endOfSearch(parts, orgId, after);
    const matches = "strpos(lower(subject_kind || ':' || subject_id), lower($4)) > 0";
    const most = end === undefined ? '' : ' AND (subject_kind, subject_id) <= ($5, $6)';
    const { rows, fitting } = await rowsOfPage(parts, page, {
      from: `${live} AND (subject_kind, subject_id) > ($2, $3) AND ${matches}${most} ${inOrder}`,
      parameters: [orgId, ...after, contains, ...(end ?? [])],
    });
    if (rows.length === 0) await requireOrganization(parts, orgId);
    const position = (row: RevisionRow) => [row.subject_kind, row.subject_id];
    const listed = pageOf(rows, fitting, list, position, revisionOf, pageWeight);
    if (contains === '') return { ...listed, total: await countRows(parts.pool, live, [orgId]) };
    const { nextToken = end && tokenAfter(page, list, end) } = listed;
    return { ...listed, nextToken };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

/** The last policy that a page of a search looks at; undefined: there are fewer. */
async function endOfSearch(
  { pool }: StoreParts,
  orgId: string,
  after: Position,
): Promise<Position | undefined> {
  const { rows } = await pool.query<Pick<RevisionRow, 'subject_kind' | 'subject_id'>>(
    `SELECT subject_kind, subject_id ${live} AND (subject_kind, subject_id) > ($2, $3) ${inOrder}
OFFSET ${mostSearched - 1} LIMIT 1`,
    [orgId, ...after],
  );
  const [row] = rows;
  return row && [row.subject_kind, row.subject_id];
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
    const total = await newestRevision(parts, all, whose);
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

/** How many revisions there are: they are numbered from 1 without gaps, and none is ever removed. */
async function newestRevision(
  { pool }: StoreParts,
  all: string,
  whose: readonly string[],
): Promise<number> {
  const { rows } = await pool.query<Pick<RevisionRow, 'revision'>>(
    `SELECT revision ${all} ORDER BY revision DESC LIMIT 1`,
    [...whose],
  );
  return Math.min(mostCounted, rows[0]?.revision ?? 0);
}
