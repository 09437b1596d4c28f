import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { RaiseFilter, StoredRaise } from '../stored-raise.ts';
import type { StoreParts } from './change.ts';
import { notFound } from './change-errors.ts';
import { raiseColumns, storedRaise } from './raise-rows.ts';
import type { RaiseRow } from './raise-rows.ts';
import { requireOrganization } from './records.ts';

/** Reads one raise; NOT_FOUND `RAISE_NOT_FOUND` if there never was one. */
export async function getRaise(parts: StoreParts, orgId: string, id: string): Promise<StoredRaise> {
  try {
    const { rows } = await parts.pool.query<RaiseRow>(
      `SELECT ${raiseColumns} FROM limit_raise WHERE org_id = $1 AND id = $2`,
      [orgId, id],
    );
    const [found] = rows.map(storedRaise);
    if (found !== undefined) return found;
    await requireOrganization(parts, orgId);
  } catch (cause) {
    throw storeFailure(cause);
  }
  throw notFound('RAISE_NOT_FOUND', id);
}

/** What a filter makes of the statement, its parameters numbered as they come. */
interface Condition {
  readonly from: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Lists raises, newest first: each is the only one of its epoch. */
export async function listRaises(
  parts: StoreParts,
  orgId: string,
  filter: RaiseFilter,
  page: Page,
): Promise<Listed<StoredRaise>> {
  const list = `${orgId}/raises`;
  const before = positionOf(page, list, ['integer'])?.[0] ?? String(Number.MAX_SAFE_INTEGER);
  const { from, text, values } = conditionOf(filter, parts.clock.nowMs());
  try {
    const { rows } = await parts.pool.query<RaiseRow>(
      `SELECT ${raiseColumns} FROM ${from}
WHERE org_id = $1 AND epoch < $2::bigint${text} ORDER BY epoch DESC LIMIT $3`,
      [orgId, before, page.size + 1, ...values],
    );
    if (rows.length === 0) await requireOrganization(parts, orgId);
    return pageOf(rows, page, list, (row) => [row.epoch], storedRaise);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

function conditionOf({ subject, limitName, owner, state }: RaiseFilter, nowMs: number): Condition {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value) + 3}`;
  let text = '';
  if (subject !== undefined) {
    text += ` AND subject_kind = ${parameter(subject.kind)} AND subject_id = ${parameter(subject.id)}`;
  }
  if (owner !== undefined) {
    text += ` AND owner_kind = ${parameter(owner.kind)} AND owner_id = ${parameter(owner.id)}`;
  }
  if (limitName !== undefined) text += ` AND limit_name = ${parameter(limitName)}`;
  if (state === 'REVOKED') text += ' AND revoked_at IS NOT NULL';
  if (state === 'ENDED') text += ` AND revoked_at IS NULL AND over_ms <= ${parameter(nowMs)}`;
  if (state !== 'ACTIVE') return { from: 'limit_raise', text, values };
  // Few are active, and there is an index of them; among all by their epochs, they could be far apart.
  const active = `WHERE org_id = $1 AND revoked_at IS NULL AND over_ms > ${parameter(nowMs)} OFFSET 0`;
  return { from: `(SELECT * FROM limit_raise ${active}) AS active`, text, values };
}
