import { invalidFields } from '../../platform/service-error.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { RecordOf, Stored } from '../policy-store.ts';
import type { StoreParts } from './change.ts';
import { termsOf } from './record-facets.ts';
import type { SearchedKind } from './record-facets.ts';
import { pageWeight, storedOf } from './records.ts';
import type { RecordRow } from './records.ts';
import { mostLookedAt, selectRecords } from './select-records.ts';
import type { Driver } from './select-records.ts';

const maxTerms = 8;

type FoundRow<K extends SearchedKind> = (RecordRow<K> | { readonly id: null }) & {
  readonly word: string;
  readonly last_word: string | null;
  readonly last_id: string | null;
};

/** Whether a page asks for some of the records alone. */
export function isSelecting({ search, facets = [] }: Page): boolean {
  return search !== undefined || facets.length > 0;
}

/**
 * Lists the records with words that begin as those of the search, and with all of the facets. What a page costs does not
 * depend on how many records there are; where what it looked at had few that match, the page is short.
 */
export async function searchRecords<K extends SearchedKind>(
  parts: StoreParts,
  orgId: string,
  kind: K,
  page: Page,
): Promise<Listed<Stored<RecordOf[K]>>> {
  const wanted = wantedOf(page);
  const list = `${orgId}/${kind}/found`;
  const position = positionOf(page, list, ['integer', 'text', 'text']);
  const [first] = position ?? [String(await rarest(parts, orgId, kind, wanted))];
  const driver = wanted[Number(first)];
  if (driver === undefined) throw new Error('a page of a search is driven by nothing');
  const others = wanted.filter((one) => one !== driver);
  const after = position === undefined ? undefined : ([position[1], position[2]] as const);
  const selection = { orgId, kind, driver, others, size: page.size };
  const { text, values } = selectRecords(
    { ...selection, after: after && [after[0] ?? '', after[1] ?? ''] },
    'id, doc, version, created_at, updated_at',
  );
  const { rows } = await parts.pool.query<FoundRow<K>>(text, [...values]);
  const found = rows.filter((row): row is FoundRow<K> & RecordRow<K> => row.id !== null);
  const [{ last_word: word, last_id: id } = nothing] = rows;
  const goesOnAt = id === null ? undefined : [String(first), word ?? '', id];
  const positionOfRow = (row: FoundRow<K>): string[] => [String(first), row.word, row.id ?? ''];
  return pageOf(
    found,
    page,
    list,
    positionOfRow,
    (row) => storedOf(kind, row),
    pageWeight,
    goesOnAt,
  );
}

const nothing = { last_word: null, last_id: null };

function wantedOf({ search = '', facets = [], order }: Page): readonly Driver[] {
  const terms = termsOf(search);
  if (terms.length > maxTerms) {
    throw invalidFields([{ field: 'search', description: `must have at most ${maxTerms} words` }]);
  }
  if (order !== undefined && (order.by !== 'id' || order.isDescending)) {
    const description = 'must be empty or id where the list is searched or filtered';
    throw invalidFields([{ field: 'order_by', description }]);
  }
  return [
    ...terms.map((value) => ({ by: 'word', value }) as const),
    ...facets.map((value) => ({ by: 'facet', value }) as const),
  ];
}

/** Which of them has the fewest rows, as far as a page looks: it drives all pages of the list. */
async function rarest(
  { pool }: StoreParts,
  orgId: string,
  kind: string,
  wanted: readonly Driver[],
): Promise<number> {
  if (wanted.length === 1) return 0;
  const { rows } = await pool.query<{ place: number }>(
    `SELECT w.place::integer - 1 AS place FROM unnest($3::boolean[], $4::text[]) WITH ORDINALITY AS w (is_word, value, place)
CROSS JOIN LATERAL (SELECT CASE WHEN w.is_word THEN
  (SELECT count(*) FROM (SELECT 1 FROM record_word x WHERE x.org_id = $1 AND x.kind = $2
    AND x.word >= w.value AND x.word < w.value || chr(1114111) LIMIT ${mostLookedAt}) AS y)
  ELSE coalesce((SELECT records FROM record_count c
    WHERE c.org_id = $1 AND c.kind = $2 AND c.facet = w.value), 0) END AS records) AS n
ORDER BY n.records, w.place LIMIT 1`,
    [orgId, kind, wanted.map(({ by }) => by === 'word'), wanted.map(({ value }) => value)],
  );
  return rows[0]?.place ?? 0;
}
