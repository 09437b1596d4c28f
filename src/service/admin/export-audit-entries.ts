import type { AuditFilter, AuditTrail } from '../../audit/audit-trail.ts';
import { exportLine } from '../../audit/entry-hash.ts';
import type { Page } from '../../platform/paging.ts';

/** The most entries of one export. */
const mostEntries = 100_000;
/** An export ends so long before its caller's deadline, so that the last message says where it goes on. */
const reserveMs = 2000;

/** Some lines of an export, and where it goes on after them; empty: all is exported. */
export interface ExportedLines {
  readonly lines: string;
  readonly nextToken: string;
}

/**
 * Exports entries page by page, oldest first. Each page is read when the one before was taken, so a slow reader keeps neither
 * memory nor a connection of the store.
 */
export async function* exportAuditEntries(
  trail: Pick<AuditTrail, 'export'>,
  filter: AuditFilter,
  first: Page,
  limits: { readonly deadlineMs: number; readonly cancelled: AbortSignal },
  monotonicMs: () => number = () => performance.now(),
): AsyncGenerator<ExportedLines> {
  let page = first;
  for (let count = 0; ;) {
    const { items, nextToken = '' } = await trail.export(filter, page, limits);
    count += items.length;
    yield { lines: items.map(exportLine).join(''), nextToken };
    const isEnough = count >= mostEntries || monotonicMs() > limits.deadlineMs - reserveMs;
    if (nextToken === '' || isEnough) return;
    page = { ...page, token: nextToken };
  }
}
