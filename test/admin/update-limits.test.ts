import { afterAll, beforeAll, expect, test } from 'vitest';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

const cost = { metric: 'METRIC_COST', window: 'WINDOW_HOUR', amount: '1' };
const tokens = { metric: 'METRIC_TOKENS', window: 'WINDOW_HOUR', amount: '1000' };
const requests = { metric: 'METRIC_REQUESTS', window: 'WINDOW_HOUR', amount: '10' };

let count = 0;
/** A user of whom nothing is declared. */
function newcomer(): string {
  count += 1;
  return `user:u${count}`;
}

interface Revision {
  readonly policy: { readonly limits?: readonly { name: string; amount: string; etag: string }[] };
  readonly revision: string;
  readonly revokedLimits?: readonly string[];
}

const revisionOf = ({ body }: Answer): Revision => body['revision'] as Revision;
const limitsOf = (answer: Answer) => revisionOf(answer).policy.limits ?? [];
const call = (rpc: string, subject: string, more: Json): Promise<Answer> =>
  plane.call(`PolicyService/${rpc}`, { orgId: 'acme', subject, ...more });
const update = (subject: string, limit: Json) => call('UpdateLimit', subject, { limit });

test('a limit is created, then replaced in its place, and the rest of the policy stays', async () => {
  const subject = newcomer();
  const policy = { subject, notes: 'mine', access: { deny: ['gpt-4o'] } };
  await plane.call('PolicyService/UpdatePolicy', { orgId: 'acme', policy });
  await update(subject, { ...cost, name: 'a' });
  await update(subject, { ...tokens, name: 'b' });
  const answer = await update(subject, { ...cost, name: 'a', amount: '2' });
  expect(answer.body).toMatchObject({
    revision: {
      revision: '4',
      policy: {
        notes: 'mine',
        access: { deny: ['gpt-4o'] },
        limits: [
          { name: 'a', amount: '2' },
          { name: 'b', amount: '1000' },
        ],
      },
    },
  });
});

// Planted, and seen red: reading the policy before the organization is locked loses all but one of these.
test('administrators who put different limits of one subject at once all win', async () => {
  const subject = newcomer();
  const names = Array.from({ length: 12 }, (_, index) => `l${index}`);
  const answers = await Promise.all(
    names.map((name) => update(subject, { ...cost, name, etag: '0' })),
  );
  expect(answers.map(({ code }) => code)).toEqual(names.map(() => 'OK'));
  const { body } = await call('GetPolicy', subject, {});
  const { policy, revision } = body['revision'] as Revision;
  expect(policy.limits?.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  expect(revision).toBe('12');
});

// Planted, and seen red: without the comparison of the limit's etag all five win.
test('of those who put the same limit with its etag, one wins, and the others get the present etag', async () => {
  const subject = newcomer();
  const [first] = limitsOf(await update(subject, { ...cost, name: 'a' }));
  await update(subject, { ...tokens, name: 'b' });
  const answers = await Promise.all(
    ['2', '3', '4', '5', '6'].map((amount) =>
      update(subject, { ...cost, name: 'a', amount, etag: first?.etag }),
    ),
  );
  const lost = answers.filter(({ code }) => code !== 'OK');
  const { body } = await call('GetPolicy', subject, {});
  const [kept] = (body['revision'] as Revision).policy.limits ?? [];
  expect(answers.length - lost.length).toBe(1);
  expect(lost.map(({ code, metadata }) => [code, metadata['name'], metadata['etag']])).toEqual(
    lost.map(() => ['ABORTED', `${subject}/a`, kept?.etag]),
  );
});

test('the etag of a limit changes with each of its fields, and with nothing else', async () => {
  const subject = 'org';
  const plain = { ...cost, name: 'a' };
  const [, ...others]: readonly Json[] = [
    plain,
    { ...plain, amount: '2' },
    { ...plain, amount: undefined, unlimited: {} },
    { ...plain, window: 'WINDOW_DAY' },
    { ...plain, action: 'ACTION_WARN' },
    { ...plain, thresholds: { percents: [50] } },
    { ...plain, appliesTo: 'USER' },
    { ...plain, appliesTo: 'LABEL:a' },
    { ...plain, appliesTo: 'LABEL:b' },
    { ...plain, targets: ['gpt-4o'] },
    { ...plain, enabled: false },
    { ...plain, metric: 'METRIC_REQUESTS' },
  ];
  const first = limitsOf(await update(subject, plain))[0]?.etag;
  const etags = new Set([first]);
  for (const limit of others) etags.add(limitsOf(await update(subject, limit))[0]?.etag);
  await update(subject, { ...tokens, name: 'b' });
  expect(etags.size).toBe(others.length + 1);
  expect(limitsOf(await update(subject, plain))[0]?.etag).toBe(first);
});

test('a quota of money, tokens and requests is one revision, replaced as a whole', async () => {
  const subject = newcomer();
  await update(subject, { ...cost, name: 'other' });
  const put = (limits: readonly Json[]) => call('UpdateLimits', subject, { quota: 'hour', limits });
  const whole = await put([
    { ...cost, name: 'hour.cost' },
    { ...tokens, name: 'hour.tokens' },
    { ...requests, name: 'hour.requests' },
  ]);
  expect(revisionOf(whole).revision).toBe('2');
  expect(limitsOf(whole)).toHaveLength(4);
  const less = await put([{ ...cost, name: 'hour.cost', amount: '3' }]);
  expect(limitsOf(less).map(({ name, amount }) => [name, amount])).toEqual([
    ['other', '1'],
    ['hour.cost', '3'],
  ]);
  expect(revisionOf(less).revokedLimits).toEqual(['hour.tokens', 'hour.requests']);
});

test('limits are taken out by their names or by their quota, as one revision', async () => {
  const subject = newcomer();
  const limits = [
    { ...cost, name: 'a' },
    { ...cost, name: 'b' },
    { ...cost, name: 'hour.cost' },
    { ...tokens, name: 'hour.tokens' },
    // Not of the quota: its metric is not what the name says.
    { ...cost, name: 'hour.requests' },
  ];
  await call('UpdateLimits', subject, { limits });
  const quota = await call('RevokeLimits', subject, { quota: 'hour', reason: 'over' });
  expect(quota.body).toMatchObject({ revision: { revision: '2', reason: 'over' } });
  expect(revisionOf(quota).revokedLimits).toEqual(['hour.cost', 'hour.tokens']);
  const some = await call('RevokeLimits', subject, { names: ['hour.requests', 'a'] });
  expect(limitsOf(some).map(({ name }) => name)).toEqual(['b']);
  const partly = await call('RevokeLimits', subject, { names: ['b', 'a'] });
  expect(partly).toMatchObject({
    code: 'NOT_FOUND',
    reason: 'LIMIT_NOT_FOUND',
    metadata: { name: `${subject}/a` },
  });
  expect(await call('RevokeLimits', subject, { quota: 'hour' })).toMatchObject({
    reason: 'LIMIT_NOT_FOUND',
  });
  expect(await call('RevokeLimit', subject, { name: 'b' })).toMatchObject({ code: 'OK' });
});

test('limits that would be too many with those that are there are refused', async () => {
  const subject = newcomer();
  const many = (from: number, to: number): Json[] =>
    Array.from({ length: to - from }, (_, index) => ({ ...cost, name: `l${from + index}` }));
  expect((await call('UpdateLimits', subject, { limits: many(0, 199) })).code).toBe('OK');
  const tooMany = await call('UpdateLimits', subject, { limits: many(199, 201) });
  expect(tooMany).toMatchObject({ code: 'INVALID_ARGUMENT', fields: ['limits'] });
  expect((await call('UpdateLimits', subject, { limits: many(198, 200) })).code).toBe('OK');
  const one = await update(subject, { ...cost, name: 'more' });
  expect(one).toMatchObject({ code: 'INVALID_ARGUMENT', fields: ['limit'] });
});

test('a deleted policy has no limits for the next one to keep', async () => {
  const subject = newcomer();
  await update(subject, { ...cost, name: 'a' });
  await call('DeletePolicy', subject, {});
  const answer = await update(subject, { ...cost, name: 'b', etag: '0' });
  expect(limitsOf(answer).map(({ name }) => name)).toEqual(['b']);
});
