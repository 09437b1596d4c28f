import { expect, test } from 'vitest';
import { change, model, policy, team, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

test('create refuses what exists and update what does not', async () => {
  const create = { ...change, exists: 'create' } as const;
  const update = { ...change, exists: 'update' } as const;
  await expect(fresh.store.put(fresh.org, 'user', user('alice'), update)).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'USER_NOT_FOUND',
  });
  await fresh.store.put(fresh.org, 'user', user('alice'), create);
  await fresh.store.put(fresh.org, 'user', user('alice'), update);
  await expect(fresh.store.put(fresh.org, 'user', user('alice'), create)).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'USER_EXISTS',
  });
});

test('a circle of teams is refused, naming the parent', async () => {
  await fresh.store.put(fresh.org, 'team', team('a'), change);
  await fresh.store.put(fresh.org, 'team', team('b', 'a'), change);
  await fresh.store.put(fresh.org, 'team', team('c', 'b'), change);
  const invalid = { reason: 'FIELD_INVALID', violations: [{ field: 'parent' }] };
  await expect(fresh.store.put(fresh.org, 'team', team('a', 'c'), change)).rejects.toMatchObject(
    invalid,
  );
  await expect(fresh.store.put(fresh.org, 'team', team('d', 'd'), change)).rejects.toMatchObject(
    invalid,
  );
  await expect(fresh.store.put(fresh.org, 'team', team('e', 'none'), change)).rejects.toMatchObject(
    invalid,
  );
});

test('teams nest eight deep and no deeper, also when a tree is moved', async () => {
  const chain = Array.from({ length: 8 }, (_, index) => `t${index}`);
  for (const [index, id] of chain.entries()) {
    await fresh.store.put(fresh.org, 'team', team(id, chain[index - 1]), change);
  }
  const invalid = { reason: 'FIELD_INVALID', violations: [{ field: 'parent' }] };
  await expect(fresh.store.put(fresh.org, 'team', team('t8', 't7'), change)).rejects.toMatchObject(
    invalid,
  );
  await fresh.store.put(fresh.org, 'team', team('root'), change);
  await expect(
    fresh.store.put(fresh.org, 'team', team('t0', 'root'), change),
  ).rejects.toMatchObject(invalid);
  await fresh.store.put(fresh.org, 'team', team('t1', 'root'), change);
});

test('models and route groups share one name space, both ways', async () => {
  await fresh.store.put(fresh.org, 'model', model('gpt'), change);
  const group = { id: 'gpt', displayName: '', members: ['gpt'] };
  const taken = { kind: 'ALREADY_EXISTS', reason: 'TARGET_EXISTS' };
  await expect(fresh.store.put(fresh.org, 'route_group', group, change)).rejects.toMatchObject(
    taken,
  );
  await fresh.store.put(fresh.org, 'route_group', { ...group, id: 'chat' }, change);
  await expect(fresh.store.put(fresh.org, 'model', model('chat'), change)).rejects.toMatchObject(
    taken,
  );
});

test('references to what is not registered are refused, naming the field', async () => {
  const stranger = user('bob', { teams: ['none'] });
  await expect(fresh.store.put(fresh.org, 'user', stranger, change)).rejects.toMatchObject({
    violations: [{ field: 'teams' }],
  });
  const group = { id: 'chat', displayName: '', members: ['none'] };
  await expect(fresh.store.put(fresh.org, 'route_group', group, change)).rejects.toMatchObject({
    violations: [{ field: 'members' }],
  });
  for (const kind of ['team', 'key', 'token'] as const) {
    const put = fresh.store.putPolicy(fresh.org, policy({ kind, id: 'none' }), change);
    await expect(put).rejects.toMatchObject({ violations: [{ field: 'subject' }] });
  }
  for (const kind of ['user', 'principal', 'app', 'customer', 'tier', 'label'] as const) {
    await fresh.store.putPolicy(fresh.org, policy({ kind, id: 'a=b' }), change);
  }
});
