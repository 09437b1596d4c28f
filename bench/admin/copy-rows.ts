import type { Pool } from 'pg';

/** Rows to be copied, and what differs in each copy. */
export interface Copying {
  readonly table: string;
  /** Which rows are copied. */
  readonly where: string;
  /** How many copies are made of each; `n` counts them from 0. */
  readonly copies: number;
  /** Texts that stand for another one in each copy, written as expressions of `n`, also inside of documents. */
  readonly marks: readonly (readonly [mark: string, expression: string])[];
  /** Columns that have another value, as expressions of `n`. */
  readonly columns?: Readonly<Record<string, string>>;
  /** What stands between the rows and `n`, if copies are made of other rows: a FROM item with a column `n`. */
  readonly from?: string;
}

/**
 * Copies rows within their table. What fills a database is thus in the form in which the store wrote the first of them,
 * also when that form changes.
 */
export async function copyRows(pool: Pool, copying: Copying): Promise<number> {
  const { table, where, copies, marks, columns = {} } = copying;
  const { rows } = await pool.query<{ name: string; type: string }>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute AS a
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [table],
  );
  const valueOf = ({ name, type }: (typeof rows)[number]): string => {
    const given = columns[name];
    if (given !== undefined) return given;
    if (!/text|json/.test(type)) return `c.${name}`;
    const text = marks.reduce(
      (inner, [mark, expression]) => `replace(${inner}, '${mark}', ${expression})`,
      `c.${name}::text`,
    );
    return `(${text})::${type}`;
  };
  const { from = `generate_series(0, ${copies - 1}) AS g(n)` } = copying;
  const { rowCount } = await pool.query(
    `INSERT INTO ${table} (${rows.map(({ name }) => name).join(', ')})
SELECT ${rows.map(valueOf).join(', ')} FROM (SELECT * FROM ${table} WHERE ${where}) AS c, ${from}
ON CONFLICT DO NOTHING`,
  );
  return rowCount ?? 0;
}
