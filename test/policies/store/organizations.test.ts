import { expect, test } from 'vitest';
import { change, freshId, organization, policy, storeOn, team, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

const alice = { kind: 'user', id: 'alice' } as const;

test('an organization keeps every setting, to the last unit', async () => {
  const id = freshId('org');
  const wanted = organization(id, {
    displayName: 'Acme',
    state: 'SUSPENDED',
    calendar: { timeZone: 'Europe/Berlin', weekStart: 7, monthAnchorDay: 31 },
    unknownModels: 'DENY',
    unknownSubjects: 'DENY',
    unpriced: 'ZERO',
    onExpiry: 'CHARGE',
    onUnknownUsage: 'INPUT',
    onStoreFailure: 'ALLOW',
    storeContent: 'FULL',
    defaultOutputTokens: 9_007_199_254_740_993n,
  });
  await fresh.store.createOrganization(wanted, change);
  expect((await fresh.store.getOrganization(id)).record).toEqual(wanted);
});

test('an organization exists once', async () => {
  await expect(
    fresh.store.createOrganization(organization(fresh.org), change),
  ).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'ORGANIZATION_EXISTS',
  });
});

test('everything about an organization that is not there is NOT_FOUND', async () => {
  const absent = { kind: 'NOT_FOUND', reason: 'ORGANIZATION_NOT_FOUND' };
  const page = { size: 10, token: undefined };
  await expect(fresh.store.getOrganization('none')).rejects.toMatchObject(absent);
  await expect(fresh.store.updateOrganization(organization('none'), change)).rejects.toMatchObject(
    absent,
  );
  await expect(fresh.store.put('none', 'team', team('red'), change)).rejects.toMatchObject(absent);
  await expect(fresh.store.get('none', 'team', 'red')).rejects.toMatchObject(absent);
  await expect(fresh.store.list('none', 'team', page)).rejects.toMatchObject(absent);
  await expect(fresh.store.getPolicy('none', alice, undefined)).rejects.toMatchObject(absent);
  await expect(fresh.store.listPrices('none', {}, page)).rejects.toMatchObject(absent);
});

test('a stale etag of an organization or a policy is refused', async () => {
  const mismatch = { kind: 'ABORTED', reason: 'ETAG_MISMATCH' };
  const { etag } = await fresh.store.getOrganization(fresh.org);
  await fresh.store.updateOrganization(organization(fresh.org, { state: 'SUSPENDED' }), {
    ...change,
    etag,
  });
  const again = fresh.store.updateOrganization(organization(fresh.org), { ...change, etag });
  await expect(again).rejects.toMatchObject(mismatch);
  const revision = await fresh.store.putPolicy(fresh.org, policy(alice), change);
  await fresh.store.putPolicy(fresh.org, policy(alice), { ...change, etag: revision.etag });
  const late = fresh.store.putPolicy(fresh.org, policy(alice), { ...change, etag: revision.etag });
  await expect(late).rejects.toMatchObject(mismatch);
});

test('the etag of an organization survives changes of what belongs to it', async () => {
  const { etag } = await fresh.store.getOrganization(fresh.org);
  await fresh.store.put(fresh.org, 'user', user('alice'), change);
  await fresh.store.updateOrganization(organization(fresh.org), { ...change, etag });
});

test('an organization is created once for one request id', async () => {
  const id = freshId('org');
  const once = { ...change, requestId: 'r1' };
  const [first, second] = await Promise.all([
    fresh.store.createOrganization(organization(id), once),
    fresh.store.createOrganization(organization(id), once),
  ]);
  expect(second).toEqual(first);
});

test('a change of the calendar calls for new windows inside the same transaction', async () => {
  const seen: string[] = [];
  const calendar = { timeZone: 'Europe/Berlin', weekStart: 1, monthAnchorDay: 1 };
  const failing = storeOn(fresh.database.pool, {
    onCalendarChange: async (_client, orgId, moved) => {
      seen.push(`${orgId} ${moved.timeZone}`);
      throw new Error('the rebuild failed');
    },
  });
  await failing.updateOrganization(organization(fresh.org, { displayName: 'Acme' }), change);
  expect(seen).toEqual([]);
  const update = failing.updateOrganization(organization(fresh.org, { calendar }), change);
  await expect(update).rejects.toMatchObject({ kind: 'INTERNAL' });
  expect(seen).toEqual([`${fresh.org} Europe/Berlin`]);
  expect((await fresh.store.getOrganization(fresh.org)).record.calendar.timeZone).toBe('UTC');
});

test('text that cannot be stored is the fault of its caller', async () => {
  const invalid = { kind: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID' };
  await expect(fresh.store.getOrganization('a\u0000b')).rejects.toMatchObject(invalid);
  const named = organization(fresh.org, { displayName: 'a\u0000b' });
  await expect(fresh.store.updateOrganization(named, change)).rejects.toMatchObject(invalid);
  const unsaid = { ...change, reason: '\u0000' };
  await expect(fresh.store.put(fresh.org, 'team', team('red'), unsaid)).rejects.toMatchObject(
    invalid,
  );
});
