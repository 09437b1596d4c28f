import type { Pool } from 'pg';
import { mostCounted } from '../../platform/paging.ts';
import type { Order, Position, PositionColumn } from '../../platform/paging.ts';

/** The expressions that a list can be sorted by; each names its columns as the table does. Times are columns. */
export type SortExpressions = Readonly<Record<Order['by'], string>>;

/** How one order of a list is written in SQL. */
export interface SortedList {
  /** The sort key of a row, as text. */
  readonly key: string;
  /** What rows after a position meet, whose parts are the parameters from this number on. */
  readonly after: (first: number) => string;
  readonly orderBy: string;
  /** What a position consists of: the key and the id, or the id alone. */
  readonly columns: readonly PositionColumn[];
  readonly position: (key: string, id: string) => Position;
}

/** An instant in microseconds, as exact as the database keeps it. */
function microsecondsOf(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000000)::bigint`;
}

/** The instant of so many microseconds; a double has place for those of the next centuries. */
function instantOf(parameter: string): string {
  return `('epoch'::timestamptz + ${parameter}::bigint * interval '1 microsecond')`;
}

/** Writes an order of a list, as the indexes of the table have it. */
export function sortedList(order: Order | undefined, expressions: SortExpressions): SortedList {
  const { by, isDescending } = order ?? { by: 'id', isDescending: false };
  const id = expressions.id;
  const key = expressions[by];
  const [than, direction] = isDescending ? ['<', ' DESC'] : ['>', ''];
  if (by === 'id') {
    return {
      key: id,
      after: (first) => `${id} ${than} $${first}`,
      orderBy: `${id}${direction}`,
      columns: ['text'],
      position: (_key, last) => [last],
    };
  }
  const isTime = by !== 'display_name';
  const from = (first: number): string => (isTime ? instantOf(`$${first}`) : `$${first}`);
  return {
    key: isTime ? `${microsecondsOf(key)}::text` : key,
    after: (first) => `(${key}, ${id}) ${than} (${from(first)}, $${first + 1})`,
    orderBy: `${key}${direction}, ${id}${direction}`,
    columns: [isTime ? 'integer' : 'text', 'text'],
    position: (last, lastId) => [last, lastId],
  };
}

/** Counts rows, up to `mostCounted`: what that costs is bounded. `from` begins with FROM. */
export async function countRows(
  pool: Pool,
  from: string,
  parameters: readonly unknown[],
): Promise<number> {
  const { rows } = await pool.query<{ total: number }>(
    `SELECT count(*)::integer AS total FROM (SELECT 1 ${from} LIMIT ${mostCounted}) AS counted`,
    [...parameters],
  );
  return rows[0]?.total ?? 0;
}
