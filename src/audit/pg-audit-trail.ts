import type { Pool, PoolClient } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { createReadUntil } from '../db/read-until.ts';
import type { ReadLimits } from '../db/read-until.ts';
import { pageOf, positionOf } from '../platform/paging.ts';
import type { Listed, Page, PageWeight } from '../platform/paging.ts';
import type { AuditFilter, AuditTrail, KeptEntry } from './audit-trail.ts';
import { entryOfRow, readHead } from './entry-row.ts';
import type { EntryRow } from './entry-row.ts';
import { mostPageBytes, selectEntries } from './select-entries.ts';
import { verifyChain } from './verify-chain.ts';

const pageWeight: PageWeight<EntryRow> = { most: mostPageBytes, of: ({ bytes }) => bytes };

/** Reads the audit trail from PostgreSQL. */
export function createPgAuditTrail(
  pool: Pool,
  monotonicMs: () => number = () => performance.now(),
): AuditTrail {
  const readUntil = createReadUntil(pool, monotonicMs);
  const reading = async <T>(
    limits: ReadLimits,
    work: (client: Pick<PoolClient, 'query'>) => Promise<T>,
  ): Promise<T> => {
    try {
      return await readUntil(limits, work);
    } catch (cause) {
      throw storeFailure(cause);
    }
  };
  return {
    list: (filter, page, limits) =>
      reading(limits, async (client) => ({
        ...(await readPage(client, filter, page, false)),
        head: await readHead(client, filter.orgId),
      })),
    export: (filter, page, limits) =>
      reading(limits, (client) => readPage(client, filter, page, true)),
    get: (orgId, sequence, limits) =>
      reading(limits, async (client) => {
        const after = String(sequence - 1);
        const { text, values } = selectEntries({ orgId }, { after, size: 1, isAscending: true });
        const { rows } = await client.query<EntryRow>(text, [...values]);
        const [entry] = rows.map(entryOfRow);
        return entry?.sequence === sequence ? entry : undefined;
      }),
    verify: (orgId, after, limits) =>
      reading(limits, (client) => verifyChain(client, orgId, after)),
  };
}

async function readPage(
  client: Pick<PoolClient, 'query'>,
  filter: AuditFilter,
  page: Page,
  isAscending: boolean,
): Promise<Listed<KeptEntry>> {
  const list = `${filter.orgId}/audit/${isAscending ? 'export' : 'list'}`;
  const [after] = positionOf(page, list, ['integer']) ?? [];
  const { text, values } = selectEntries(filter, { after, size: page.size, isAscending });
  const { rows } = await client.query<EntryRow>(text, [...values]);
  return pageOf(rows, page, list, (row) => [row.sequence], entryOfRow, pageWeight);
}
