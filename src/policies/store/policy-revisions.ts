import type { PoolClient } from 'pg';
import type { Policy } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject, SubjectKind } from '../../core/subject.ts';
import type { PolicyRevision } from '../policy-store.ts';
import type { Done, Locked } from './change.ts';
import { notFound } from './change-errors.ts';
import { dropDerivedMeters } from './derived-meters.ts';
import { decodePolicy, encodeDoc, openDoc } from './documents.ts';
import type { Doc, StoredDoc } from './documents.ts';
import { assertMeterBounds } from './meter-bounds.ts';

/** A row of `policy_revision`. */
export interface RevisionRow {
  readonly subject_kind: SubjectKind;
  readonly subject_id: string;
  readonly revision: number;
  readonly doc: StoredDoc<Policy>;
  readonly reason: string;
  readonly actor: string;
  readonly revoked: string | null;
  readonly deleted: boolean;
  readonly at: Date;
}

/** The columns of a `RevisionRow`. */
export const revisionColumns =
  'subject_kind, subject_id, revision, doc, reason, actor, revoked, deleted, at';

/** What is particular about a revision: it takes a limit back, or deletes the policy. */
interface RevisionKind {
  readonly revoked?: string;
  readonly deleted?: boolean;
}

/** Appends a revision to the newest one, which may have deleted the policy: the numbers go on. */
export async function appendRevision(
  locked: Locked,
  newest: PolicyRevision | undefined,
  policy: Policy,
  { revoked, deleted = false }: RevisionKind = {},
): Promise<Done<PolicyRevision>> {
  const { client, orgId, epoch, now, by } = locked;
  const { kind, id } = policy.subject;
  const before = newest?.policy;
  const after: Policy = { ...policy, revision: (before?.revision ?? 0) + 1 };
  await assertMeterBounds(client, orgId, before, after);
  await client.query(
    `UPDATE policy_revision SET newest = false
WHERE org_id = $1 AND subject_kind = $2 AND subject_id = $3 AND newest`,
    [orgId, kind, id],
  );
  const content = [encodeDoc(after), by.reason, by.actor, revoked ?? null, deleted];
  const { rows } = await client.query<RevisionRow>(
    `INSERT INTO policy_revision (org_id, subject_kind, subject_id, revision, newest, epoch, at, doc, reason,
  actor, revoked, deleted)
VALUES ($1, $2, $3, $4, true, $5, $6, $7, $8, $9, $10, $11) RETURNING ${revisionColumns}`,
    [orgId, kind, id, after.revision, epoch, now, ...content],
  );
  const [row] = rows;
  const subject = subjectText(policy.subject);
  if (row === undefined) throw notFound('POLICY_NOT_FOUND', subject);
  await dropDerivedMeters(client, orgId, before, after);
  return {
    result: revisionOf(row),
    kind: 'policy',
    subject,
    revision: after.revision,
    before: isLive(newest) ? before : undefined,
    after: deleted ? undefined : after,
  };
}

/** Deletes a policy, whose newest revision is given, by a revision that declares nothing. */
export function deletePolicyAt(
  locked: Locked,
  newest: PolicyRevision,
): Promise<Done<PolicyRevision>> {
  const { subject } = newest.policy;
  const nothing = { limits: [], access: undefined, bypass: undefined, notes: '' };
  const policy = { ...nothing, subject, revision: 0 };
  return appendRevision(locked, newest, policy, { deleted: true });
}

/** Whether there is a policy: a revision, which has not deleted it. */
export function isLive(newest: PolicyRevision | undefined): newest is PolicyRevision {
  return newest !== undefined && !newest.deleted;
}

/** The newest revision of a subject, also one that deleted its policy. */
export async function readNewest(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  subject: Subject,
): Promise<PolicyRevision | undefined> {
  const { rows } = await client.query<RevisionRow>(
    `SELECT ${revisionColumns} FROM policy_revision
WHERE org_id = $1 AND subject_kind = $2 AND subject_id = $3 AND newest`,
    [orgId, subject.kind, subject.id],
  );
  const [row] = rows;
  return row === undefined ? undefined : revisionOf(row);
}

/** Reads a row of `policy_revision`. */
export function revisionOf(row: RevisionRow): PolicyRevision {
  return {
    policy: decodePolicy(openDoc<Policy>(row.doc)),
    etag: String(row.revision),
    reason: row.reason,
    actor: row.actor,
    atMs: row.at.getTime(),
    revoked: row.revoked ?? undefined,
    deleted: row.deleted,
  };
}

/** Reads back a revision that was kept for repeats. */
export function decodeRevision(doc: Doc<PolicyRevision>): PolicyRevision {
  return { ...doc, policy: decodePolicy(doc.policy) };
}
