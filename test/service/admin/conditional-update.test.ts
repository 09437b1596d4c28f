import { expect, test } from 'vitest';
import { conditionalUpdate } from '../../../src/service/admin/conditional-update.ts';
import { change, team } from '../../policies/builders.ts';
import { useFreshStore } from '../../policies/fresh-store.ts';

const fresh = useFreshStore();

/** Renames a team; each of the first `overtakes` attempts finds it changed by somebody else. */
async function rename(named: string, overtakes: number): Promise<string[]> {
  const { store, org } = fresh;
  const read = () => store.get(org, 'team', 'red');
  const attempts: string[] = [];
  await conditionalUpdate({
    etag: named,
    read,
    write: async (present, etag) => {
      attempts.push(etag);
      if (attempts.length <= overtakes) await store.put(org, 'team', team('red'), change);
      const record = { ...team('red'), displayName: `after ${present?.record.displayName ?? ''}` };
      return store.put(org, 'team', record, { ...change, etag });
    },
  });
  return attempts;
}

// Seen red without the retry.
test('an update without an etag is retried when another change came in between', async () => {
  await fresh.store.put(fresh.org, 'team', team('red'), change);
  expect(await rename('', 2)).toEqual(['1', '2', '3']);
  const { record, etag } = await fresh.store.get(fresh.org, 'team', 'red');
  expect([record.displayName, etag]).toEqual(['after ', '4']);
});

test('it is given up after five attempts', async () => {
  await fresh.store.put(fresh.org, 'team', team('red'), change);
  await expect(rename('', 9)).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' });
  expect((await fresh.store.get(fresh.org, 'team', 'red')).etag).toBe('6');
});

// Seen red with the etag of what was read in place of the one that was named.
test('an update with an etag is not retried', async () => {
  await fresh.store.put(fresh.org, 'team', team('red'), change);
  await expect(rename('1', 1)).rejects.toMatchObject({ kind: 'ABORTED', reason: 'ETAG_MISMATCH' });
  await expect(rename('1', 0)).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' });
  expect((await fresh.store.get(fresh.org, 'team', 'red')).etag).toBe('2');
});
