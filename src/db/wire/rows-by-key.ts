import type { FlightRows } from './flight.ts';

/**
 * Brings rows that begin with a two-part key, `org_id` first, into the order of the keys. PostgreSQL does not
 * promise in which order RETURNING gives rows. Throws where a key has no row or two, or a row has no key: the
 * numbers of one meter or call must never be taken for another's.
 */
export function rowsByKey(
  rows: FlightRows,
  keys: readonly (readonly [orgId: string, id: string])[],
): FlightRows {
  const found = new Map(rows.map((row) => [keyText(row[0] ?? '', row[1] ?? ''), row]));
  if (found.size !== rows.length) throw new Error('two rows came back with the same key');
  if (rows.length !== keys.length) {
    throw new Error(`${rows.length} rows came back for ${keys.length} keys`);
  }
  return keys.map(([orgId, id]) => {
    const row = found.get(keyText(orgId, id));
    if (row === undefined) throw new Error(`no row came back for ${id} of ${orgId}`);
    return row;
  });
}

/** One text for both parts; neither has a line break. */
function keyText(orgId: string, id: string): string {
  return `${orgId}\n${id}`;
}
