import { createHash } from 'node:crypto';
import { invalidFields } from '../../platform/service-error.ts';
import type { Listed, Page } from '../policy-store.ts';

/** Where a page begins: after the row with these key columns, in the order of the list. */
export type Position = readonly string[];

/** Reads the token of a page of `list`; undefined for the first page. */
export function positionOf(page: Page, list: string, width: number): Position | undefined {
  if (page.token === undefined || page.token === '') return undefined;
  const [mark, ...position] = parse(page.token);
  if (mark !== markOf(list, position) || position.length !== width) {
    throw invalidFields([{ field: 'page_token', description: 'is not one of this list' }]);
  }
  return position;
}

/** Cuts rows, of which one more than a page was asked for, into the page and the next one's token. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  page: Page,
  list: string,
  positionOfRow: (row: Row) => Position,
  itemOf: (row: Row) => Item,
): Listed<Item> {
  const kept = rows.slice(0, page.size);
  const last = kept.at(-1);
  const more = rows.length > page.size && last !== undefined;
  return {
    items: kept.map(itemOf),
    nextToken: more ? tokenOf(list, positionOfRow(last)) : undefined,
  };
}

function tokenOf(list: string, position: Position): string {
  return Buffer.from(JSON.stringify([markOf(list, position), ...position])).toString('base64url');
}

function parse(token: string): readonly string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : [];
  } catch {
    // Not a token of ours, which the caller of this says.
    return [];
  }
}

/** Ties a token to its list, so that one of another list or a mangled one is refused; not a secret. */
function markOf(list: string, position: Position): string {
  const text = JSON.stringify([list, ...position]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 8);
}
