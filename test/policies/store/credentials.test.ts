import { expect, test } from 'vitest';
import { change, key } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

test('a credential keeps the end of its secret, and a revoked one stays revoked', async () => {
  const hash = Buffer.alloc(32, 1);
  const created = await fresh.store.createCredential(fresh.org, key('k1'), hash, change);
  expect(created).toMatchObject({ replayed: false, record: { lastFour: 'abcd' } });
  const revoked = key('k1', { state: 'REVOKED', lastFour: '' });
  const put = await fresh.store.put(fresh.org, 'key', revoked, change);
  expect(put.record).toMatchObject({ state: 'REVOKED', lastFour: 'abcd' });
  await expect(fresh.store.put(fresh.org, 'key', key('k1'), change)).rejects.toMatchObject({
    kind: 'FAILED_PRECONDITION',
    reason: 'CREDENTIAL_REVOKED',
  });
  await expect(
    fresh.store.createCredential(fresh.org, key('k2'), hash, change),
  ).rejects.toMatchObject({
    reason: 'INTERNAL',
  });
});

test('a repeated creation of a credential says that its secret is the first one', async () => {
  const once = { ...change, requestId: 'r1' };
  await fresh.store.createCredential(fresh.org, key('k1'), Buffer.alloc(32, 2), once);
  const other = key('k1', { lastFour: 'wxyz' });
  const repeat = await fresh.store.createCredential(fresh.org, other, Buffer.alloc(32, 3), once);
  expect(repeat).toMatchObject({ replayed: true, record: { lastFour: 'abcd' } });
});
