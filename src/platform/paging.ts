import { createHash } from 'node:crypto';
import { invalidFields } from './service-error.ts';

/** Which page of a list is asked for. */
export interface Page {
  /** 1 to 1000. */
  readonly size: number;
  /** Opaque; undefined for the first page. A forged one is FIELD_INVALID on `page_token`. */
  readonly token: string | undefined;
  /** Only what contains this text, where the list can be searched. */
  readonly contains?: string | undefined;
  /** Only what has words that begin as those of this text, where the list has an index of words. */
  readonly search?: string | undefined;
  /** Only what has all of these facets, `tier=pro`. */
  readonly facets?: readonly string[] | undefined;
  /** How the list is sorted, where that can be chosen. */
  readonly order?: Order | undefined;
  /** The request's other arguments, in one form: a token is valid with the same arguments only. */
  readonly boundTo?: string | undefined;
}

/** What a list of records can be sorted by; ties are sorted by id, in the same direction. */
export const sortKeys = ['id', 'display_name', 'create_time', 'update_time'] as const;

/** How a list of records is sorted. */
export interface Order {
  readonly by: (typeof sortKeys)[number];
  readonly isDescending: boolean;
}

/** One page of a list, and the token of the next; undefined: it is the last. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly nextToken: string | undefined;
  /** How many there are on all pages, counted up to `mostCounted`; undefined where counting is not cheap. */
  readonly total?: number | undefined;
}

/** Where counting the rows of a list ends. */
export const mostCounted = 10_000;

/** Where a page begins: after the row with these key columns, in the order of the list. */
export type Position = readonly string[];

/** What the key columns of a list are: a text may be anything but a NUL, an integer fits int64. */
export type PositionColumn = 'text' | 'integer';

const columnPatterns: Readonly<Record<PositionColumn, RegExp>> = {
  // oxlint-disable-next-line no-control-regex -- PostgreSQL refuses NUL in text.
  text: /^[^\u0000]*$/,
  integer: /^\d{1,18}$/,
};

/** Reads the token of a page of `list`; undefined for the first page. */
export function positionOf(
  page: Page,
  list: string,
  columns: readonly PositionColumn[],
): Position | undefined {
  if (page.token === undefined || page.token === '') return undefined;
  const [mark, ...position] = parse(page.token);
  const fits =
    position.length === columns.length &&
    columns.every((column, index) => columnPatterns[column].test(position[index] ?? ''));
  if (!fits || mark !== markOf(page, list, position)) {
    const description = 'is not a token of this list with these arguments';
    throw invalidFields([{ field: 'page_token', description }]);
  }
  return position;
}

/** How heavy rows are, and how heavy a page may be: a page that is long takes long to write. */
export interface PageWeight<Row> {
  readonly most: number;
  readonly of: (row: Row) => number;
}

/** How many of the first rows a page may have: at most `size`, and at least one, whatever it weighs. */
export function fittingRows<Row>(
  rows: readonly Row[],
  size: number,
  { most, of }: PageWeight<Row>,
): number {
  let weight = 0;
  const end = rows.findIndex((row, index) => (weight += of(row)) > most && index > 0);
  return Math.min(size, end < 0 ? rows.length : end);
}

/**
 * Cuts rows, of which one more than a page was asked for, into the page and the next one's token. With a weight,
 * a page may have fewer rows than were asked for. `goesOnAt` is where a list goes on whose rows were not all looked at.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  page: Page,
  list: string,
  positionOfRow: (row: Row) => Position,
  itemOf: (row: Row) => Item,
  weight?: PageWeight<Row>,
  goesOnAt?: Position,
): Listed<Item> {
  const size = weight === undefined ? page.size : fittingRows(rows, page.size, weight);
  const kept = rows.slice(0, size);
  const last = kept.at(-1);
  const isCut = rows.length > size && last !== undefined;
  const next = isCut ? positionOfRow(last) : goesOnAt;
  return {
    items: kept.map(itemOf),
    nextToken: next && tokenOf(page, list, next),
  };
}

/**
 * The token of the page after a position, for a list that looks at a bounded number of rows for each page: then a page
 * may be short, or empty, and not be the last.
 */
export function tokenAfter(page: Page, list: string, position: Position): string {
  return tokenOf(page, list, position);
}

function tokenOf(page: Page, list: string, position: Position): string {
  const parts = [markOf(page, list, position), ...position];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
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

/**
 * Ties a token to its list and to the arguments, so that one of another list or a mangled one is refused; not a secret.
 */
function markOf({ boundTo = '' }: Page, list: string, position: Position): string {
  const text = JSON.stringify([list, boundTo, ...position]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 8);
}
