import { positionOf, tokenAfter } from '../../platform/paging.ts';
import type { Page } from '../../platform/paging.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { QueryLimits } from './usage-queries.ts';
import type { ExportedUsage, UsageExport, UsageExports } from './usage-export.ts';

/** A page of an export. */
export interface ExportedPage {
  readonly rows: readonly ExportedUsage[];
  /** Whether it is the first page of the export. */
  readonly isFirst: boolean;
  readonly nextToken: string | undefined;
}

/** Reads a page of the usage ledger. NOT_FOUND if the organization is unknown. */
export async function exportUsage(
  parts: { readonly store: Pick<PolicyStore, 'getOrganization'>; readonly exports: UsageExports },
  of: UsageExport,
  page: Page,
  limits: QueryLimits,
): Promise<ExportedPage> {
  const list = `${of.orgId}/usage-export`;
  const position = positionOf(page, list, ['integer', 'text']);
  await parts.store.getOrganization(of.orgId);
  const [atMs, id] = position ?? [];
  const after =
    atMs === undefined || id === undefined ? undefined : { bookedAtMs: Number(atMs), id };
  const { rows, next } = await parts.exports.read(of, after, page.size, limits);
  return {
    rows,
    isFirst: position === undefined,
    nextToken: next && tokenAfter(page, list, [next.bookedAtMs.toString(), next.id]),
  };
}
