/** Rows of the index of words or facets that one page may look at: what a page costs is bounded by them. */
export const mostLookedAt = 2000;

/** By what the rows of a list are found: the words that begin so, or one facet. */
export type Driver =
  | { readonly by: 'word'; readonly value: string }
  | { readonly by: 'facet'; readonly value: string };

/** The largest character: what is before it, after a text, begins with the text. */
const last = '\u{10FFFF}';

/** A statement and its parameters. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What a page of a searched list asks for. */
export interface Selection {
  readonly orgId: string;
  readonly kind: string;
  readonly driver: Driver;
  /** What else must hold. */
  readonly others: readonly Driver[];
  /** Word and id, after which the page begins. */
  readonly after: readonly [word: string, id: string] | undefined;
  readonly size: number;
}

/**
 * Selects a page of records: walks the index of the driver from where the page begins, over at most `mostLookedAt` rows, and
 * keeps those of which all else holds too, until there are enough. A record that several of its words lead to is kept at
 * the first one. Answers at least one row; `last_word` and `last_id` are where the walk goes on, if it ended for its length.
 * Conditions are subqueries with a LIMIT, which PostgreSQL looks up row by row: as joins it would read whole tables.
 */
export function selectRecords(selection: Selection, columns: string): Statement {
  const { orgId, kind, driver, others, after, size } = selection;
  const values: unknown[] = [orgId, kind];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const isOf = (column: string, { by, value }: Driver): string =>
    by === 'facet'
      ? `${column} = ${place(value)}`
      : `${column} >= ${place(value)} AND ${column} < ${place(value + last)}`;
  const isWord = driver.by === 'word';
  const position = (word: string, id: string): string =>
    isWord ? `AND (word, id) > (${place(word)}, ${place(id)})` : `AND id > ${place(id)}`;
  const order = isWord ? 'word, id' : 'id';
  const walk = `SELECT ${isWord ? 'word' : "'' AS word"}, id FROM record_${driver.by}
  WHERE org_id = $1 AND kind = $2 AND ${isOf(driver.by, driver)} ${after === undefined ? '' : position(...after)}
  ORDER BY ${order}`;
  const lookUp = (table: string, condition: string): string =>
    `(SELECT 1 FROM ${table} o WHERE o.org_id = $1 AND o.kind = $2 AND o.id = d.id AND ${condition} LIMIT 1)`;
  const conditions = others.map(
    (other) => `${lookUp(`record_${other.by}`, isOf(`o.${other.by}`, other))} IS NOT NULL`,
  );
  if (isWord) {
    const earlier = `o.word >= ${place(driver.value)} AND o.word < d.word`;
    conditions.push(`${lookUp('record_word', earlier)} IS NULL`);
  }
  const text = `
WITH kept AS MATERIALIZED (
  SELECT d.word, r.* FROM (${walk} LIMIT ${mostLookedAt}) AS d CROSS JOIN LATERAL (
    SELECT ${columns} FROM record
    WHERE org_id = $1 AND kind = $2 AND record.id = d.id AND NOT deleted OFFSET 0) AS r
  WHERE ${['true', ...conditions].join(' AND ')}
  ORDER BY ${isWord ? 'd.word, ' : ''}d.id LIMIT ${place(size + 1)}
), ending AS MATERIALIZED (
  SELECT * FROM (${walk} OFFSET ${mostLookedAt - 1} LIMIT 1) AS w
  WHERE (SELECT count(*) FROM kept) <= ${place(size)}
)
SELECT k.*, e.word AS last_word, e.id AS last_id
FROM (VALUES (1)) AS one LEFT JOIN kept k ON true LEFT JOIN ending e ON true ORDER BY k.word, k.id`;
  return { text, values };
}
