import type { RecordKind, RecordOf } from '../policy-store.ts';
import type { Locked } from './change.ts';
import { facetsOf, isSearched, wordsOf } from './record-facets.ts';

/**
 * Keeps what a record is found and counted by, in the change that writes or deletes it: its words, its facets, and how many
 * records have each facet. The organization is locked, so no count is lost.
 */
export async function indexRecord<K extends RecordKind>(
  locked: Locked,
  kind: K,
  before: RecordOf[K] | undefined,
  after: RecordOf[K] | undefined,
): Promise<void> {
  const id = (after ?? before)?.id;
  if (!isSearched(kind) || id === undefined) return;
  const words = differences(before && wordsOf(before), after && wordsOf(after));
  const facets = differences(before && facetsOf(kind, before), after && facetsOf(kind, after));
  await write(locked, kind, id, 'record_word', 'word', words);
  await write(locked, kind, id, 'record_facet', 'facet', facets);
  const total = Number(after !== undefined) - Number(before !== undefined);
  await count(locked, kind, facets, total);
}

interface Differences {
  readonly gone: readonly string[];
  readonly added: readonly string[];
}

function differences(before: readonly string[] = [], after: readonly string[] = []): Differences {
  const [had, has] = [new Set(before), new Set(after)];
  return { gone: [...had.difference(has)], added: [...has.difference(had)] };
}

async function write(
  { client, orgId }: Locked,
  kind: string,
  id: string,
  table: 'record_word' | 'record_facet',
  column: 'word' | 'facet',
  { gone, added }: Differences,
): Promise<void> {
  if (gone.length > 0) {
    await client.query(
      `DELETE FROM ${table} WHERE org_id = $1 AND kind = $2 AND id = $3 AND ${column} = ANY($4::text[])`,
      [orgId, kind, id, gone],
    );
  }
  if (added.length > 0) {
    await client.query(
      `INSERT INTO ${table} (org_id, kind, id, ${column})
SELECT o.org_id, $2, $3, a FROM org o, unnest($4::text[]) AS a WHERE o.org_id = $1`,
      [orgId, kind, id, added],
    );
  }
}

/** How many records of the kind there are is the count of the empty facet. */
async function count(
  { client, orgId }: Locked,
  kind: string,
  { gone, added }: Differences,
  total: number,
): Promise<void> {
  const steps = new Map<string, number>(total === 0 ? [] : [['', total]]);
  for (const facet of gone) steps.set(facet, -1);
  for (const facet of added) steps.set(facet, 1);
  if (steps.size === 0) return;
  await client.query(
    `INSERT INTO record_count AS c (org_id, kind, facet, records)
SELECT o.org_id, $2, s.facet, s.step FROM org o, unnest($3::text[], $4::bigint[]) AS s (facet, step) WHERE o.org_id = $1
ORDER BY s.facet
ON CONFLICT (org_id, kind, facet) DO UPDATE SET records = c.records + excluded.records`,
    [orgId, kind, [...steps.keys()], [...steps.values()]],
  );
}
