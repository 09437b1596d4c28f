import type { Audited } from '../../audit/audit-trail.ts';
import type { DeletableKind, PolicyStore, RecordOf, Stored } from '../policy-store.ts';
import { runChange } from './change.ts';
import type { Done, Locked, StoreParts } from './change.ts';
import { withOrigin } from './catalog-entries.ts';
import { recordNotFound, requireCondition } from './change-errors.ts';
import { appendRevision, deletedPolicy, isLive, readNewest } from './policy-revisions.ts';
import { inheritedNames } from './inheritance.ts';
import { indexRecord } from './index-record.ts';
import { requireUnnamed } from './record-references.ts';
import { readRecord, recordRequest } from './records.ts';

/** Deletion of the store's records. */
export function storedDeletions(parts: StoreParts): Pick<PolicyStore, 'delete'> {
  return {
    async delete(orgId, kind, id, by) {
      const request = recordRequest(orgId, kind, by, [`delete ${kind}`, id]);
      const { result } = await runChange(parts, request, (locked) =>
        deleteRecord(locked, kind, id),
      );
      return result;
    },
  };
}

/**
 * The row stays, marked as deleted: a cache that follows from an older epoch finds there that it is gone, and the version
 * goes on counting, so that an etag from before never is the one of a record that is created later.
 */
async function deleteRecord<K extends DeletableKind>(
  locked: Locked,
  kind: K,
  id: string,
): Promise<Done<Stored<RecordOf[K]>>> {
  const { client, orgId, epoch, now, by } = locked;
  const before = await readRecord(client, orgId, kind, id);
  requireCondition({ ...by, exists: 'update' }, before, kind, id);
  if (before === undefined) throw recordNotFound(kind, id);
  const isReplaced = kind === 'model' && (await isInherited(locked, id));
  if (!isReplaced) await requireUnnamed(client, orgId, kind, id);
  const { rows } = await client.query<{ version: string }>(
    `UPDATE record SET deleted = true, version = version + 1, epoch = $4, updated_at = $5
WHERE org_id = $1 AND kind = $2 AND id = $3 RETURNING version`,
    [orgId, kind, id, epoch, now],
  );
  await indexRecord(locked, kind, before.record, undefined);
  return {
    result: await withOrigin(client, orgId, kind, before),
    kind,
    subject: id,
    revision: Number(rows[0]?.version),
    before: before.record,
    after: undefined,
    also: await deletePolicyOn(locked, kind, id),
  };
}

/** Whether the name of a model that is deleted goes on to be one: that of the platform's. */
async function isInherited({ client, orgId }: Locked, id: string): Promise<boolean> {
  return (await inheritedNames(client, orgId, ['model'], [id])).has(id);
}

/** What is declared on a subject goes with it, so that a later subject of the same id does not inherit it. */
async function deletePolicyOn(
  locked: Locked,
  kind: DeletableKind,
  id: string,
): Promise<readonly Audited[]> {
  if (kind === 'model' || kind === 'route_group' || kind === 'model_group') return [];
  const newest = await readNewest(locked.client, locked.orgId, { kind, id });
  if (!isLive(newest)) return [];
  return [await appendRevision(locked, { newest, ...deletedPolicy(newest.policy) })];
}
