import { expect, test } from 'vitest';
import { resolvePath } from '../../src/core/path.ts';
import { closePlanner, needOf, orgOf } from '../../src/service/settlement.ts';
import { decidedAtMs } from '../support/decide.ts';
import { anyGateway, serviceStage, storedCall } from '../support/service-stage.ts';
import { callOf, viewOf } from '../support/view.ts';

const said = {
  teams: [{ id: 'eng' }, { id: 'red', parent: 'eng' }],
  users: [{ id: 'alice', teams: ['red'], tier: 'pro' }],
  keys: [{ id: 'k1', team: 'red' }, { id: 'k2' }],
  tokens: [{ id: 't1' }],
  policies: {
    org: { limits: [{ name: 'each', metric: 'COST', amount: 1n, targets: ['gpt-*'] }] },
  },
} as const;

/* Planted, seen red, one each: the teams are left out; a second key is. */
test('what a resolved path needs is what the call named, so that its view resolves it again', () => {
  const view = viewOf(said);
  const calls = [
    callOf({ teams: ['red'] }),
    callOf({ user: 'alice', app: 'crm', customer: 'c1', labels: { note: 'a=b', feature: 'x' } }),
    { ...callOf({ key: 'k2' }), credential: { kind: 'key', id: 'k1' } as const },
    { ...callOf({ principal: 'agent:x' }), credential: { kind: 'token', id: 't1' } as const },
  ];
  for (const call of calls) {
    const { path } = resolvePath(view, call, decidedAtMs);
    const { subjects, credential } = needOf(path);
    const again = resolvePath(view, { ...call, subjects, credential }, decidedAtMs);
    // The order of two keys is not kept; nothing depends on it.
    expect({ ...again.path, keys: again.path.keys.toSorted() }).toEqual({
      ...path,
      keys: path.keys.toSorted(),
    });
  }
});

/* Planted, seen red: the end is planned with the cached state, whatever epoch was asked for. */
test('the end of a hold is planned with the policies of the epoch that is asked for', async () => {
  const { policies } = serviceStage({
    cached: said,
    newer: { ...said, organization: { onExpiry: 'CHARGE' }, policies: {} },
  });
  const plan = closePlanner(policies);
  const stored = storedCall(viewOf(said), { user: 'alice', target: 'gpt-4o' });
  const names = ['org', 'team:eng', 'team:red', 'tier:pro', 'user:alice'];
  const now = await plan(stored, 1);
  expect(now).toMatchObject({ epoch: 1, onExpiry: 'RELEASE' });
  expect(now.meters.map(({ name }) => name).toSorted()).toEqual([...names, 'org@gpt-*'].toSorted());
  const later = await plan(stored, 2);
  expect(later).toMatchObject({ epoch: 2, onExpiry: 'CHARGE' });
  expect(later.meters.map(({ name }) => name).toSorted()).toEqual(names);
});

test('a call whose credential belongs to no organization is not found', async () => {
  const { policies } = serviceStage({ secrets: { own: { orgId: 'acme', kind: 'key', id: 'k1' } } });
  const input = { orgId: undefined, credential: 'own', requestId: 'r1' };
  expect(await orgOf(policies, input, anyGateway)).toBe('acme');
  await expect(
    orgOf(policies, { ...input, credential: 'nobody' }, anyGateway),
  ).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'CALL_NOT_FOUND',
    metadata: { request_id: 'r1' },
  });
});
