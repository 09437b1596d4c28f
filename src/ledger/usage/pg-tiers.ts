import type { Pool } from 'pg';
import { decodeId } from '../../core/subject.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Tiers } from '../../service/admin/list-tier-usage.ts';
import { listTiers } from '../sql/list-tiers.ts';

/** Lists tiers from PostgreSQL; `failure` says what a failed query is to the caller. */
export function createPgTiers(parts: {
  readonly pool: Pool;
  readonly failure: (cause: unknown) => Error;
}): Tiers {
  const { pool, failure } = parts;
  return {
    async list(orgId, page) {
      const list = `${orgId}/tier-usage`;
      const [after = ''] = positionOf(page, list, ['text']) ?? [];
      const { rows } = await pool
        .query<{ name: string }>(listTiers.text, [orgId, `tier:${after}`, page.size + 1])
        .catch((cause: unknown) => Promise.reject(failure(cause)));
      const ids = rows.map(({ name }) => name.slice('tier:'.length));
      return pageOf(ids, page, list, (id) => [id], decodeId);
    },
  };
}
