import { expect, test } from 'vitest';
import { change, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

test('pages follow each other without gap or repeat, and a forged token is refused', async () => {
  const ids = Array.from({ length: 7 }, (_, index) => `u${index}`);
  for (const id of ids) await fresh.store.put(fresh.org, 'user', user(id), change);
  const seen: string[] = [];
  let token: string | undefined;
  do {
    const page = await fresh.store.list(fresh.org, 'user', { size: 3, token });
    seen.push(...page.items.map((item) => item.record.id));
    token = page.nextToken;
  } while (token !== undefined);
  expect(seen).toEqual(ids);
  const { nextToken } = await fresh.store.list(fresh.org, 'user', { size: 3, token: undefined });
  const invalid = { reason: 'FIELD_INVALID', violations: [{ field: 'page_token' }] };
  await expect(
    fresh.store.list(fresh.org, 'team', { size: 3, token: nextToken }),
  ).rejects.toMatchObject(invalid);
  await expect(
    fresh.store.list(fresh.org, 'user', { size: 3, token: 'forged' }),
  ).rejects.toMatchObject(invalid);
});
