import type { PoolClient } from 'pg';
import type { Policy } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject, SubjectKind } from '../../core/subject.ts';
import type {
  ChangedPolicy,
  EditedPolicy,
  PolicyRevision,
  RevisionOrigin,
} from '../policy-changes.ts';
import type { Done, Locked } from './change.ts';
import { dropDerivedMeters } from './derived-meters.ts';
import { decodePolicy, encodeDoc, encodeValue, openDoc } from './documents.ts';
import type { Doc, StoredDoc } from './documents.ts';
import { appendLimitRevisions } from './limit-revisions.ts';
import { assertMeterBounds } from './meter-bounds.ts';
import type { PolicyChange } from './meter-bounds.ts';

/** A row of `policy_revision`. */
export interface RevisionRow {
  readonly subject_kind: SubjectKind;
  readonly subject_id: string;
  readonly revision: number;
  readonly doc: StoredDoc<Policy>;
  readonly reason: string;
  readonly actor: string;
  readonly origin: RevisionOrigin;
  readonly deleted: boolean;
  readonly at: Date;
}

/** The columns of a `RevisionRow`. */
export const revisionColumns =
  'subject_kind, subject_id, revision, doc, reason, actor, origin, deleted, at';

/** A revision to be appended to the newest one of its subject, which may have deleted the policy: the numbers go on. */
export interface NewRevision extends EditedPolicy {
  readonly newest: PolicyRevision | undefined;
}

/**
 * Appends revisions of different subjects, in a few statements however many there are: the organization is locked
 * meanwhile.
 */
export async function appendRevisions(
  locked: Locked,
  appended: readonly NewRevision[],
): Promise<readonly Done<PolicyRevision>[]> {
  const { client, orgId } = locked;
  const changed = appended.map(({ newest, policy }) => ({
    before: newest?.policy,
    after: { ...policy, revision: (newest?.policy.revision ?? 0) + 1 },
  }));
  await assertMeterBounds(client, orgId, changed);
  const rows = await insertNewest(locked, appended, changed);
  await appendLimitRevisions(locked, changed);
  await dropDerivedMeters(client, orgId, changed);
  const stored = new Map(
    rows.map((row) => {
      const revision = revisionOf(row);
      return [subjectText(revision.policy.subject), revision] as const;
    }),
  );
  return appended.map(({ newest, policy, deleted = false }) => {
    const subject = subjectText(policy.subject);
    const result = stored.get(subject);
    if (result === undefined) throw new Error(`a revision of ${subject} was not stored`);
    return {
      result,
      kind: 'policy',
      subject,
      revision: result.policy.revision,
      before: isLive(newest) ? newest.policy : undefined,
      after: deleted ? undefined : result.policy,
    };
  });
}

/** Inserts revisions in place of those that were newest; the rows as they are then. */
async function insertNewest(
  { client, orgId, epoch, now, by }: Locked,
  appended: readonly NewRevision[],
  changed: readonly PolicyChange[],
): Promise<readonly RevisionRow[]> {
  const kinds = changed.map(({ after }) => after.subject.kind);
  const ids = changed.map(({ after }) => after.subject.id);
  await client.query(
    `UPDATE policy_revision SET newest = false
WHERE org_id = $1 AND newest
  AND (subject_kind, subject_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    [orgId, kinds, ids],
  );
  const { rows } = await client.query<RevisionRow>(
    `INSERT INTO policy_revision (org_id, subject_kind, subject_id, revision, newest, epoch, at, doc, reason,
  actor, origin, deleted)
SELECT $1, kind, id, revision, true, $2, $3, doc::jsonb, $4, $5, origin::jsonb, deleted
FROM unnest($6::text[], $7::text[], $8::integer[], $9::text[], $10::text[], $11::boolean[])
  AS appended(kind, id, revision, doc, origin, deleted)
RETURNING ${revisionColumns}`,
    [
      orgId,
      epoch,
      now,
      by.reason,
      by.actor,
      kinds,
      ids,
      changed.map(({ after }) => after.revision),
      changed.map(({ after }) => encodeDoc(after)),
      appended.map(({ origin = {} }) => encodeValue(origin)),
      appended.map(({ deleted = false }) => deleted),
    ],
  );
  return rows;
}

/** Appends one revision. */
export async function appendRevision(
  locked: Locked,
  appended: NewRevision,
): Promise<Done<PolicyRevision>> {
  const [done] = await appendRevisions(locked, [appended]);
  if (done === undefined) throw new Error('a revision was not stored');
  return done;
}

/** What is left of a policy that is deleted: a revision that declares nothing. */
export function deletedPolicy({ subject }: Policy): EditedPolicy {
  const nothing = { limits: [], access: undefined, bypass: undefined, notes: '' };
  return { policy: { ...nothing, subject, revision: 0 }, deleted: true };
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
  const found = await readNewestOf(client, orgId, [subject]);
  return found.get(subjectText(subject));
}

/** The newest revisions of subjects, by the text of the subject, also those that deleted a policy. */
export async function readNewestOf(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, PolicyRevision>> {
  const { rows } = await client.query<RevisionRow>(
    `SELECT ${revisionColumns} FROM policy_revision
WHERE org_id = $1 AND newest
  AND (subject_kind, subject_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    [orgId, subjects.map(({ kind }) => kind), subjects.map(({ id }) => id)],
  );
  const found = rows.map(revisionOf);
  return new Map(found.map((revision) => [subjectText(revision.policy.subject), revision]));
}

/** Reads a row of `policy_revision`. */
export function revisionOf(row: RevisionRow): PolicyRevision {
  return {
    policy: decodePolicy(openDoc<Policy>(row.doc)),
    etag: String(row.revision),
    reason: row.reason,
    actor: row.actor,
    atMs: row.at.getTime(),
    origin: row.origin,
    deleted: row.deleted,
  };
}

/** Reads back a revision that was kept for repeats. */
export function decodeRevision(doc: Doc<PolicyRevision>): PolicyRevision {
  return { ...doc, policy: decodePolicy(doc.policy) };
}

/** Reads back a changed policy that was kept for repeats. */
export function decodeChanged({ revision, before, findings }: Doc<ChangedPolicy>): ChangedPolicy {
  return {
    findings,
    revision: decodeRevision(revision),
    before: before === undefined ? undefined : decodeRevision(before),
  };
}
