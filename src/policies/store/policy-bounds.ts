import type { PoolClient } from 'pg';
import type { Limit, Policy } from '../../core/policy.ts';
import type { Subject } from '../../core/subject.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { EditedPolicy, PolicyEdit } from '../policy-changes.ts';
import type { Doc } from './documents.ts';

/** What policies that are changed together may weigh: they are read and written while their organization is locked. */
const mostParts = 20_000;
/** The same of what is there before, as it is stored. */
const mostStoredBytes = 8 * 1024 * 1024;

/** How heavy a policy is: its limits, their targets, and its rules. */
export function policyParts({ limits, access }: Pick<Policy | Doc<Policy>, 'limits' | 'access'>) {
  const targets = (limit: Pick<Limit | Doc<Limit>, 'targets'>): number => limit.targets.length;
  const ofLimits = limits.reduce((sum, limit) => sum + 1 + targets(limit), 1);
  return ofLimits + (access?.allow.length ?? 0) + (access?.deny.length ?? 0);
}

/** Teams, keys and tokens must be registered; other subjects may have limits before they are. */
export async function requireSubjects(
  client: PoolClient,
  orgId: string,
  edits: readonly Pick<PolicyEdit, 'subject' | 'field'>[],
): Promise<void> {
  const named = edits.filter(({ subject: { kind } }) => registeredKinds.has(kind));
  if (named.length === 0) return;
  const { rows } = await client.query<Subject>(
    `SELECT kind, id FROM unnest($2::text[], $3::text[]) AS named(kind, id)
WHERE NOT EXISTS (SELECT 1 FROM record
  WHERE org_id = $1 AND record.kind = named.kind AND record.id = named.id AND NOT deleted)`,
    [orgId, named.map(({ subject }) => subject.kind), named.map(({ subject }) => subject.id)],
  );
  if (rows.length === 0) return;
  const unknown = named.filter(({ subject }) =>
    rows.some(({ kind, id }) => kind === subject.kind && id === subject.id),
  );
  throw invalidFields(
    unknown.map(({ field, subject: { kind, id } }) => ({
      field,
      description: `unknown ${kind} ${id}`,
    })),
  );
}

const registeredKinds: ReadonlySet<string> = new Set(['team', 'key', 'token']);

/** FIELD_INVALID where the policies that are to be changed together are too large to be read under the lock. */
export async function requireReadable(
  client: PoolClient,
  orgId: string,
  edits: readonly PolicyEdit[],
): Promise<void> {
  const [first] = edits;
  if (first === undefined || edits.length === 1) return;
  const { rows } = await client.query<{ bytes: string | null }>(
    `SELECT sum(pg_column_size(doc)) AS bytes FROM policy_revision
WHERE org_id = $1 AND newest
  AND (subject_kind, subject_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    [orgId, edits.map(({ subject }) => subject.kind), edits.map(({ subject }) => subject.id)],
  );
  if (Number(rows[0]?.bytes ?? 0) <= mostStoredBytes) return;
  throw invalidFields([{ field: first.field, description: tooLarge }]);
}

/** FIELD_INVALID on the policy with which those that are changed together become too large. */
export function requireWritable(
  edits: readonly PolicyEdit[],
  edited: readonly EditedPolicy[],
): void {
  if (edits.length === 1) return;
  let parts = 0;
  for (const [index, { policy }] of edited.entries()) {
    parts += policyParts(policy);
    if (parts <= mostParts) continue;
    throw invalidFields([{ field: edits[index]?.field ?? 'subject', description: tooLarge }]);
  }
}

const tooLarge = `the policies together have more than ${mostParts} limits, targets and rules`;
