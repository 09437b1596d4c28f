import type { PoolClient } from 'pg';
import { changedQuotas } from '../../core/changed-quotas.ts';
import { encodeDoc } from './documents.ts';
import type { Locked } from './change.ts';
import type { PolicyChange } from './meter-bounds.ts';

/** Appends what policies that changed did to each limit and quota; in two statements, however many they are. */
export async function appendLimitRevisions(
  { client, orgId, epoch, now, by }: Locked,
  changed: readonly PolicyChange[],
): Promise<void> {
  const rows = changed.flatMap(({ before, after }) =>
    changedQuotas(before?.limits ?? [], after.limits).map((quota) => ({ ...quota, after })),
  );
  if (rows.length === 0) return;
  const subjects = [
    rows.map(({ after }) => after.subject.kind),
    rows.map(({ after }) => after.subject.id),
    rows.map(({ name }) => name),
  ];
  await replaceNewest(client, orgId, subjects);
  await client.query(
    `INSERT INTO limit_revision (org_id, subject_kind, subject_id, epoch, name, revision, newest, revoked,
  time_window, doc, reason, actor, at)
SELECT $1, kind, id, $2, name, revision, true, revoked, time_window, doc::jsonb, $3, $4, $5
FROM unnest($6::text[], $7::text[], $8::text[], $9::integer[], $10::boolean[], $11::text[], $12::text[])
  AS changed(kind, id, name, revision, revoked, time_window, doc)`,
    [
      orgId,
      epoch,
      by.reason,
      by.actor,
      now,
      ...subjects,
      rows.map(({ after }) => after.revision),
      rows.map(({ revoked }) => revoked),
      rows.map(({ window }) => window ?? null),
      rows.map(({ limits }) => encodeDoc(limits)),
    ],
  );
}

async function replaceNewest(
  client: PoolClient,
  orgId: string,
  subjects: readonly (readonly string[])[],
): Promise<void> {
  await client.query(
    `UPDATE limit_revision SET newest = false
WHERE org_id = $1 AND newest
  AND (subject_kind, subject_id, name) IN (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))`,
    [orgId, ...subjects],
  );
}
