import { expect, test } from 'vitest';
import { change, policy, price, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

async function formsIn(column: string, table: string): Promise<unknown[]> {
  const { rows } = await fresh.database.pool.query<{ form: unknown }>(
    `SELECT DISTINCT (${column}::jsonb)->'form' AS form FROM ${table} WHERE org_id = $1 AND ${column} IS NOT NULL`,
    [fresh.org],
  );
  return rows.map((row) => row.form);
}

// Seen red with `encodeDoc` that leaves the form out.
test('every stored document says its form', async () => {
  const by = { ...change, requestId: 'change-1' };
  await fresh.store.put(fresh.org, 'user', user('alice'), by);
  await fresh.store.putPolicy(fresh.org, policy({ kind: 'user', id: 'alice' }), change);
  await fresh.store.appendPrices(fresh.org, [price('MODEL', 'gpt-4o')], change);
  expect(await formsIn('doc', 'record')).toEqual([1]);
  expect(await formsIn('doc', 'policy_revision')).toEqual([1]);
  expect(await formsIn('rates', 'price_revision')).toEqual([1]);
  expect(await formsIn('result', 'change_request')).toEqual([1]);
  expect(await formsIn('after_doc', 'audit_entry')).toEqual([1]);
});

// Seen red with `openDoc` that does not look at the form.
test('a document in a form that this release does not know is not read', async () => {
  await fresh.store.put(fresh.org, 'user', user('alice'), change);
  await fresh.database.pool.query(
    `UPDATE record SET doc = doc || '{"form": 2}' WHERE org_id = $1`,
    [fresh.org],
  );
  await expect(fresh.store.get(fresh.org, 'user', 'alice')).rejects.toMatchObject({
    kind: 'INTERNAL',
  });
});
