import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { orgSubject } from '../../src/core/subject.ts';
import type { Subject } from '../../src/core/subject.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startBothPlanes } from '../support/both-planes.ts';
import type { BothPlanes } from '../support/both-planes.ts';
import type { Json } from '../support/admin-plane.ts';
import { anyChange, blockLimit, plainOrganization, putLimits } from '../support/organization.ts';

/*
 * Noon, so half of the day is past. Users have a day of 100 nano-USD by default, those of the tier `pro` one of 400, the
 * team a month of 1000.
 */
let planes: BothPlanes;
const named = (kind: Subject['kind'], id: string): Subject => ({ kind, id });
const forUsers = { for: { kind: 'USER' }, thresholds: [50, 80] } as const;

beforeAll(async () => {
  planes = await startBothPlanes('2026-03-10T12:00:00Z');
  const { store } = planes;
  await store.createOrganization(plainOrganization('acme'), anyChange);
  const user = { state: 'ACTIVE', displayName: '', teams: ['red'], tier: undefined } as const;
  await store.put(
    'acme',
    'team',
    { id: 'red', displayName: '', state: 'ACTIVE', parent: undefined },
    anyChange,
  );
  await store.put('acme', 'user', { ...user, id: 'pia', teams: [], tier: 'pro' }, anyChange);
  await putLimits(store, 'acme', orgSubject, [blockLimit('each', 'COST', 'DAY', 100n, forUsers)]);
  await putLimits(store, 'acme', named('tier', 'pro'), [
    blockLimit('daily', 'COST', 'DAY', 400n, forUsers),
  ]);
  await putLimits(store, 'acme', named('team', 'red'), [
    blockLimit('month', 'COST', 'MONTH', 1000n, { thresholds: [80] }),
    blockLimit('parallel', 'CONCURRENCY', undefined, 10n),
  ]);
  await spend('ann', 60n, ['red']);
  await spend('ben', 100n, ['red']);
  await spend('cat', 30n, []);
  await spend('pia', 330n, []);
  await hold('ann', 10n);
});
afterAll(() => planes.stop());

let calls = 0;

async function spend(user: string, costNanos: bigint, teams: string[]): Promise<void> {
  const call = { orgId: 'acme', requestId: `r${(calls += 1)}`, target: 'm' };
  const subjects = { user, teams };
  await planes.check({ ...call, subjects, estimate: { costNanos } });
  await planes.report({ ...call, subjects, usage: { costNanos } });
}

async function hold(user: string, costNanos: bigint): Promise<void> {
  const call = { orgId: 'acme', requestId: `r${(calls += 1)}`, target: 'm' };
  await planes.check({ ...call, subjects: { user }, estimate: { costNanos } });
}

async function list(more: Json): Promise<string[]> {
  const { body } = await planes.call('UsageService/ListLimitUsage', { orgId: 'acme', ...more });
  return ((body['limits'] ?? []) as LimitJson[]).map(({ limit, share = 0 }) => {
    return `${limit.limit} ${limit.meter.name} ${share}`;
  });
}

interface LimitJson {
  readonly limit: { readonly limit: string; readonly meter: { readonly name: string } };
  readonly share?: number;
}

// Red where a limit of which all is used counts as near, and where limits were listed in the order in which they were found.
test('limits that are near or used up come first by their share, as the limits are now', async () => {
  const near = ['org/each user:ben 1', 'tier:pro/daily user:pia 0.825', 'org/each user:ann 0.7'];
  expect(await list({ standing: 'LIMIT_STANDING_NEAR' })).toEqual(near);
  expect(await list({ standing: 'LIMIT_STANDING_OVER' })).toEqual(['org/each user:ben 1']);
  expect(await list({ standing: 'LIMIT_STANDING_NEAR', tier: 'pro' })).toEqual([near[1]]);
  expect(await list({ standing: 'LIMIT_STANDING_NEAR', subjectKinds: ['team'] })).toEqual([]);
});

test('of any standing, limits of subjects with a policy are listed too', async () => {
  expect(await list({ subjectKinds: ['team', 'org'] })).toEqual([
    'team:red/month team:red 0.16',
    'team:red/parallel team:red 0',
  ]);
});

test('the limits of given subjects are listed, whether anything came near or not', async () => {
  const subjects = ['user:cat', 'user:nobody'];
  expect(await list({ subjects })).toEqual(['org/each user:cat 0.3', 'org/each user:nobody 0']);
});

test('a page goes on behind the last limit of the page before, by share', async () => {
  const asked = { orgId: 'acme', standing: 'LIMIT_STANDING_NEAR', pageSize: 2 };
  const first = await planes.call('UsageService/ListLimitUsage', asked);
  const pageToken = first.body['nextPageToken'];
  expect(await list({ ...asked, pageToken })).toEqual(['org/each user:ann 0.7']);
  const other = { ...asked, standing: 'LIMIT_STANDING_OVER', pageToken };
  expect((await planes.call('UsageService/ListLimitUsage', other)).fields).toEqual(['page_token']);
});

// `ann` has 30 left and used 60 in twelve hours; the team 840, and used 160 in twelve hours of this day.
test('a limit says when nothing will be left at the rate of the day, if that is before it resets', async () => {
  const { body } = await planes.call('UsageService/ListLimitUsage', {
    orgId: 'acme',
    subjects: ['user:ann', 'team:red', 'user:ben', 'user:cat'],
  });
  const found = (body['limits'] as (LimitJson & { exhaustTime?: string })[]).map(
    ({ limit, exhaustTime }) => [limit.meter.name, exhaustTime],
  );
  expect(new Map(found as [string, string][])).toEqual(
    new Map<string, string | undefined>([
      ['user:ben', '2026-03-10T12:00:00Z'],
      ['user:ann', '2026-03-10T18:00:00Z'],
      ['user:cat', undefined],
      ['team:red', undefined],
    ]),
  );
  const [ann] = (body['limits'] as Json[]).filter(
    (one) => (one['limit'] as { meter: { name: string } }).meter.name === 'user:ann',
  );
  expect(ann).toMatchObject({
    limit: {
      used: '60',
      held: '10',
      remaining: '30',
      amount: '100',
      resetTime: '2026-03-11T00:00:00Z',
    },
    share: 0.7,
    standing: 'LIMIT_STANDING_NEAR',
  });
});

test('many meters are read at once, in the order of the request', async () => {
  const meters = ['user:ben', 'org', 'user:nobody', 'team:red/user:ann'];
  const asked = { orgId: 'acme', meters, window: 'WINDOW_DAY' };
  const { body } = await planes.call('UsageService/BatchGetUsage', asked);
  const usages = (body['usages'] as Json[]).map((usage) => [
    (usage['meter'] as { name: string }).name,
    usage['costNanos'] ?? '0',
    usage['heldCostNanos'] ?? '0',
    usage['inFlightCount'] ?? '0',
  ]);
  expect(usages).toEqual([
    ['user:ben', '100', '0', '0'],
    ['org', '520', '10', '1'],
    ['user:nobody', '0', '0', '0'],
    ['team:red/user:ann', '60', '0', '0'],
  ]);
  expect((body['usages'] as Json[])[0]).toMatchObject({ endTime: '2026-03-11T00:00:00Z' });
});

test('a tier says what all of its users used; one without usage, but with a policy, is listed too', async () => {
  await putLimits(planes.store, 'acme', named('tier', 'a@b'), [
    blockLimit('daily', 'COST', 'DAY', 4n, forUsers),
  ]);
  const pages: unknown[] = [];
  let pageToken: unknown = '';
  while (pageToken !== undefined) {
    const asked = { orgId: 'acme', window: 'WINDOW_MONTH', pageSize: 1, pageToken };
    const { body } = await planes.call('UsageService/ListTierUsage', asked);
    pages.push(
      ...((body['tiers'] ?? []) as { tier: string; usage: Json }[]).map(({ tier, usage }) => [
        tier,
        usage['costNanos'] ?? '0',
        usage['requestCount'] ?? '0',
      ]),
    );
    pageToken = body['nextPageToken'];
  }
  expect(pages).toEqual([
    ['a@b', '0', '0'],
    ['pro', '330', '1'],
  ]);
});

test('gRPC answers the same', async () => {
  for (const [rpc, more] of [
    ['ListLimitUsage', { standing: 'LIMIT_STANDING_NEAR' }],
    ['ListTierUsage', { window: 'WINDOW_DAY' }],
    ['BatchGetUsage', { meters: ['org'], window: 'WINDOW_LIFETIME' }],
  ] as const) {
    const asked = { orgId: 'acme', ...more };
    const { body } = await callGrpc(planes.url, UsageService, rpc, asked, planes.adminSecret);
    expect(body).toEqual((await planes.call(`UsageService/${rpc}`, asked)).body);
  }
});

// The amounts are the raised ones, not those that the policies declare.
test('a limit that is raised for a while has the amount of now', async () => {
  const raise = { subject: 'org', limitName: 'each', appliesTo: 'user:ben', add: '0.000000100' };
  const made = await planes.call('RaiseService/CreateRaise', {
    orgId: 'acme',
    limitRaise: { ...raise, expireTime: '2026-03-11T18:00:00Z' },
    reason: 'month end',
  });
  expect(made.code, JSON.stringify(made.body)).toBe('OK');
  expect(await list({ subjects: ['user:ben'] })).toEqual(['org/each user:ben 0.5']);
});

test('in the next window nothing is near', async () => {
  planes.clock.nowMs += 86_400_000;
  expect(await list({ standing: 'LIMIT_STANDING_NEAR' })).toEqual([]);
});
