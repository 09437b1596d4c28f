import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import type { Json } from '../support/admin-plane.ts';
import { startBothPlanes } from '../support/both-planes.ts';
import type { BothPlanes } from '../support/both-planes.ts';
import { anyChange, blockLimit, plainOrganization, putLimits } from '../support/organization.ts';

let planes: BothPlanes;
const orgId = 'acme';
beforeAll(async () => {
  planes = await startBothPlanes('2026-03-10T12:00:00Z');
  const { store } = planes;
  await store.createOrganization(plainOrganization(orgId), anyChange);
  const daily = blockLimit('daily', 'COST', 'DAY', 100n);
  await putLimits(store, orgId, { kind: 'user', id: 'ann' }, [daily]);
  await use('r1', 'ann', 100n);
});
afterAll(() => planes.stop());

async function use(requestId: string, user: string, costNanos: bigint): Promise<string> {
  const call = { orgId, requestId, subjects: { user, teams: ['red'] } };
  const decision = await planes.check({ ...call, target: 'gpt-5', estimate: { costNanos } });
  if (decision === '1') await planes.report({ ...call, target: 'gpt-5', usage: { costNanos } });
  return decision;
}

const allowed = '1';
const denied = '2';

async function costs(window = 'WINDOW_DAY'): Promise<string> {
  const meters = ['user:ann', 'team:red', 'org'];
  const { body } = await planes.call('UsageService/BatchGetUsage', { orgId, meters, window });
  return (body['usages'] as Json[]).map(({ costNanos = '0' }) => String(costNanos)).join(' ');
}

const reason = 'late invoice';
const adjust = (more: Json) => planes.call('UsageService/AdjustUsage', { orgId, reason, ...more });
const reset = (more: Json) => planes.call('UsageService/ResetUsage', { orgId, reason, ...more });

async function rowsOfUsage(): Promise<number> {
  const { rows } = await planes.database.pool.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM usage',
  );
  return rows[0]?.n ?? -1;
}

async function queried(): Promise<unknown> {
  const { body } = await planes.call('UsageService/QueryUsage', {
    orgId,
    startTime: '2026-03-01T00:00:00Z',
    endTime: '2026-04-01T00:00:00Z',
    groupBy: [{ kind: 'USAGE_DIMENSION_KIND_USER' }],
  });
  return (body['series'] as { group: string[]; total: Json }[]).map(({ group, total }) => [
    group[0],
    total['costNanos'],
  ]);
}

test('a charge on a call counts where the call does, once for each request id', async () => {
  const charge = { callRequestId: 'r1', costNanos: '7', requestId: 'invoice-1' };
  const first = await adjust(charge);
  expect(first.body['bookTime']).toBe('2026-03-10T12:00:00Z');
  const names = (first.body['meters'] as { name: string }[]).map(({ name }) => name);
  expect(names.toSorted()).toEqual(['org', 'team:red', 'team:red/user:ann', 'user:ann']);
  expect(await costs()).toBe('107 107 107');
  expect((await adjust(charge)).body).toEqual(first.body);
  expect((await adjust({ ...charge, costNanos: '8' })).reason).toBe('REQUEST_ID_CONFLICT');
  expect(await costs()).toBe('107 107 107');
});

// A credit is compared with the call and the credits before, not with the call alone.
test('credits on a call are not larger together than what it used', async () => {
  expect((await adjust({ callRequestId: 'r1', costNanos: '-57' })).code).toBe('OK');
  const more = await adjust({ callRequestId: 'r1', costNanos: '-51' });
  expect([more.code, more.reason, more.metadata]).toEqual([
    'FAILED_PRECONDITION',
    'CREDIT_TOO_LARGE',
    { name: 'call r1', window: '', used: '50' },
  ]);
  expect((await adjust({ callRequestId: 'none', costNanos: '1' })).reason).toBe('CALL_NOT_FOUND');
  expect(await costs()).toBe('50 50 50');
});

test('what is validated only is answered, and books nothing', async () => {
  const before = await rowsOfUsage();
  const asked = { subjects: { user: 'ann' }, costNanos: '5', validateOnly: true };
  expect((await adjust(asked)).code).toBe('OK');
  expect((await adjust({ ...asked, costNanos: '-5000' })).reason).toBe('CREDIT_TOO_LARGE');
  expect(await rowsOfUsage()).toBe(before);
  expect(await costs()).toBe('50 50 50');
});

test('a credit on subjects is not larger than what was used in a window of now', async () => {
  const credit = { subjects: { user: 'ann', teams: ['red'] }, costNanos: '-51' };
  const refused = await adjust(credit);
  expect(refused.metadata).toMatchObject({ window: 'DAY', used: '50' });
  const future = await adjust({ ...credit, bookTime: '2026-03-10T12:00:01Z' });
  expect(future.fields).toEqual(['book_time']);
  // Of yesterday it is none of today, but the week and the month have not used as much either.
  const yesterday = await adjust({ ...credit, bookTime: '2026-03-09T12:00:00Z' });
  expect(yesterday.metadata).toMatchObject({ window: 'WEEK' });
  expect(
    (await adjust({ ...credit, costNanos: '-10', bookTime: '2026-03-09T12:00:00Z' })).code,
  ).toBe('OK');
  expect([await costs(), await costs('WINDOW_MONTH')]).toEqual(['50 50 50', '40 40 40']);
  expect(await costs('WINDOW_HOUR')).toBe('100 100 100');
});

test('a reset lets the next call pass, and takes nothing from other meters, windows and sums', async () => {
  await use('r2', 'ann', 50n);
  expect(await use('r3', 'ann', 60n)).toBe(denied);
  const before = await queried();
  const done = await reset({ meter: 'user:ann', window: 'WINDOW_DAY', requestId: 'reset-1' });
  expect(done.body).toEqual({ reset: { costNanos: '100', requestCount: '2' } });
  expect([await costs(), await costs('WINDOW_MONTH')]).toEqual(['0 100 100', '90 90 90']);
  expect(await queried()).toEqual(before);
  expect(await use('r4', 'ann', 60n)).toBe(allowed);
  // A repeat of the reset is no second one.
  expect(
    (await reset({ meter: 'user:ann', window: 'WINDOW_DAY', requestId: 'reset-1' })).body,
  ).toEqual(done.body);
  expect(await costs()).toBe('60 160 160');
});

test('a reset of some metrics leaves the others, and one of nothing writes nothing', async () => {
  const asked = { meter: 'user:ann', window: 'WINDOW_DAY', metrics: ['METRIC_REQUESTS'] };
  expect((await reset(asked)).body).toEqual({ reset: { requestCount: '1' } });
  expect(await costs()).toBe('60 160 160');
  const before = await rowsOfUsage();
  expect((await reset(asked)).body).toEqual({ reset: {} });
  expect(await rowsOfUsage()).toBe(before);
});

test('each change is audited with its reason, and steps no epoch', async () => {
  const { rows } = await planes.database.pool.query<{ subject: string; epoch: string | null }>(
    `SELECT subject, epoch, rpc, reason FROM audit_entry WHERE org_id = 'acme' AND kind = 'usage' ORDER BY sequence`,
  );
  expect(rows.map(({ subject }) => subject)).toEqual([
    'call:r1',
    'call:r1',
    'user:ann',
    'user:ann',
    'user:ann',
  ]);
  expect(rows.every(({ epoch }) => epoch === null)).toBe(true);
  expect(rows.at(-1)).toMatchObject({ rpc: expect.stringContaining('ResetUsage'), reason });
});

test('gRPC answers the same', async () => {
  const asked = { orgId, reason, meter: 'user:nobody', window: 'WINDOW_WEEK' };
  const answer = await callGrpc(planes.url, UsageService, 'ResetUsage', asked, planes.adminSecret);
  expect(answer.body).toEqual({ reset: {} });
  const charge = { orgId, reason, subjects: {}, inputTokens: '4' };
  const booked = await callGrpc(
    planes.url,
    UsageService,
    'AdjustUsage',
    charge,
    planes.adminSecret,
  );
  expect((booked.body['meters'] as { name: string }[]).map(({ name }) => name)).toEqual(['org']);
});
