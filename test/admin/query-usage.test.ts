import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { withoutQuarters } from '../../src/ledger/sql/upkeep.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { rollUpAt, usageRow } from '../support/roll-up.ts';
import { insertUsageRows } from '../support/usage-rows.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  const calendar = { timeZone: 'Asia/Kathmandu', weekStart: 1, monthAnchorDay: 1 };
  await plane.store.createOrganization({ ...plainOrganization('acme'), calendar }, anyChange);
  const { pool } = plane.database;
  await insertUsageRows(pool, [
    usageRow('2026-03-10T18:14:59.999Z', { cost: 7n }),
    usageRow('2026-03-10T18:15:00Z', { cost: 6n, units: { image: 2 } }),
    usageRow('2026-03-11T09:00:00Z', { cost: 9_223_372_036_854_775n }),
    usageRow('2026-03-11T10:00:00Z', { subjects: ['org'], cost: 1n }),
  ]);
  await rollUpAt(pool, Date.parse('2026-03-11T09:30:00Z'))();
});
afterAll(() => plane.stop());

const user = { kind: 'USAGE_DIMENSION_KIND_USER' };
const asked = {
  orgId: 'acme',
  startTime: '2026-03-10T09:00:00Z',
  endTime: '2026-03-11T12:00:00Z',
  interval: 'USAGE_INTERVAL_DAY',
  groupBy: [user],
  units: ['image'],
};

const sums = (cost: bigint, more: Json = {}): Json => ({
  costNanos: cost.toString(),
  inputTokens: (2n * cost).toString(),
  outputTokens: (3n * cost).toString(),
  tokens: (5n * cost).toString(),
  requestCount: '1',
  ...more,
});

const days = [
  { startTime: '2026-03-09T18:15:00Z', endTime: '2026-03-10T18:15:00Z' },
  { startTime: '2026-03-10T18:15:00Z', endTime: '2026-03-11T18:15:00Z' },
] as const;

const answer = {
  total: {
    total: sums(9_223_372_036_854_789n, { requestCount: '4', units: { image: '2' } }),
    points: [
      { ...days[0], sums: sums(7n) },
      {
        ...days[1],
        sums: sums(9_223_372_036_854_782n, { requestCount: '3', units: { image: '2' } }),
      },
    ],
  },
  series: [
    {
      group: ['ann'],
      total: sums(9_223_372_036_854_788n, { requestCount: '3', units: { image: '2' } }),
      points: [
        { ...days[0], sums: sums(7n) },
        {
          ...days[1],
          sums: sums(9_223_372_036_854_781n, { requestCount: '2', units: { image: '2' } }),
        },
      ],
    },
    { group: [''], total: sums(1n), points: [{ ...days[1], sums: sums(1n) }] },
  ],
  startTime: days[0].startTime,
  endTime: days[1].endTime,
};

test('series have the days of the zone, exact sums, and a group of the calls without a user', async () => {
  expect((await plane.call('UsageService/QueryUsage', asked)).body).toEqual(answer);
  expect((await callGrpc(plane.url, UsageService, 'QueryUsage', asked)).body).toEqual(answer);
});

// Planted: without the one group more than asked for, the rest is never answered.
test('what is not among the largest groups is answered as the rest', async () => {
  const { body } = await plane.call('UsageService/QueryUsage', { ...asked, seriesCount: 1 });
  expect(body['series']).toEqual([answer.series[0]]);
  expect(body['rest']).toEqual({ total: sums(1n), points: [{ ...days[1], sums: sums(1n) }] });
});

test('without an interval there are no points, and the span ends with full quarters of an hour', async () => {
  const { interval: _, groupBy: __, ...whole } = asked;
  const span = { startTime: '2026-03-10T18:14:59Z', endTime: '2026-03-10T18:15:00.001Z' };
  const { body } = await plane.call('UsageService/QueryUsage', { ...whole, ...span });
  expect(body).toEqual({
    total: { total: sums(13n, { requestCount: '2', units: { image: '2' } }) },
    startTime: '2026-03-10T18:00:00Z',
    endTime: '2026-03-10T18:30:00Z',
  });
});

test('an organization that is not there is not found', async () => {
  const { code, reason } = await plane.call('UsageService/QueryUsage', { ...asked, orgId: 'none' });
  expect([code, reason]).toEqual(['NOT_FOUND', 'ORGANIZATION_NOT_FOUND']);
});

// Planted: without the check, an hour of a day that is kept whole was answered with nothing.
test('hours that are no longer kept are refused, with the time from which they are; days are answered', async () => {
  await plane.database.pool.query(withoutQuarters.text, ['2026-03-10T12:00:00Z']);
  const hours = { ...asked, interval: 'USAGE_INTERVAL_HOUR' };
  const refused = await plane.call('UsageService/QueryUsage', hours);
  expect([refused.reason, refused.fields]).toEqual(['FIELD_INVALID', ['start_time']]);
  expect(JSON.stringify(refused.body)).toContain('from 2026-03-10T18:15:00.000Z');
  const since = { ...hours, startTime: '2026-03-10T18:15:00Z' };
  expect((await plane.call('UsageService/QueryUsage', since)).code).toBe('OK');
  expect((await plane.call('UsageService/QueryUsage', asked)).body).toEqual(answer);
});
