import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scanEvents } from '../../src/ledger/sql/list-events.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { nowMs, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  for (const id of ['acme', 'globex']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
});
afterAll(() => plane.stop());

interface Row {
  readonly orgId?: string;
  readonly atMs: number;
  readonly sequence: string;
  readonly user?: string;
  readonly action?: string;
  readonly limit?: string;
  readonly occurrences?: number;
  readonly subjects?: readonly string[];
  readonly target?: string;
}

async function record(row: Row): Promise<void> {
  const { orgId = 'acme', user = null, action = 'BLOCKED', limit = null, occurrences = 1 } = row;
  const { subjects = ['org'], target = 'gpt' } = row;
  const at = new Date(row.atMs);
  const spend = '18446744073709551616';
  await plane.database.pool.query(
    `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id,
       subjects, user_id, limit_subject, limit_name, revision, meter_id, metric, time_window, spend,
       amount, ask, target)
     VALUES ($1, $2, $3, $2, $3, $4, $5, 'r', $9, $6, 'org', $7, 1, 'org', 'COST', 'DAY', $8, 5, 1, $10)`,
    [orgId, at, row.sequence, occurrences, action, user, limit, spend, subjects, target],
  );
}

/** The ids of all pages, a list a page. */
async function walk(request: Json): Promise<string[][]> {
  const rpc = 'EnforcementService/ListEvents';
  const { body } = await plane.call(rpc, { orgId: 'acme', pageSize: 2, ...request });
  const ids = ((body['events'] ?? []) as { id: string }[]).map(({ id }) => id);
  const pageToken = body['nextPageToken'];
  return pageToken === undefined ? [ids] : [ids, ...(await walk({ ...request, pageToken }))];
}

/** Sequences in order: one for each number. */
const sequence = (number: number) => `00000000-0000-7000-8000-00000000000${number}`;

test('events come newest first, in pages without gap or repeat where several have one instant', async () => {
  for (const number of [1, 2, 3]) await record({ atMs: nowMs, sequence: sequence(number) });
  await record({ atMs: nowMs + 1, sequence: sequence(0), action: 'WARNED' });
  await record({ atMs: nowMs - 1, sequence: sequence(9), user: 'alice', limit: 'org/cap' });
  await record({ atMs: nowMs, sequence: sequence(5), orgId: 'globex' });
  const [newest, third, second, first, oldest] = [0, 3, 2, 1, 9].map(sequence);
  expect(await walk({})).toEqual([[newest, third], [second, first], [oldest]]);
  expect(await walk({ action: 'EVENT_ACTION_WARNED' })).toEqual([[newest]]);
  expect(await walk({ user: 'alice' })).toEqual([[oldest]]);
  expect(await walk({ limit: 'org/cap' })).toEqual([[oldest]]);
  expect(await walk({ user: 'bob' })).toEqual([[]]);
});

// Seen red: with the sum as it is stored, the whole list was INTERNAL.
test('an event says how often and with which numbers, a sum beyond int64 as the largest', async () => {
  const row = { atMs: nowMs, sequence: sequence(7), orgId: 'globex', limit: 'org/x' };
  await record({ ...row, occurrences: 12 });
  const { body } = await plane.call('EnforcementService/ListEvents', {
    orgId: 'globex',
    limit: 'org/x',
  });
  expect(body['events']).toMatchObject([
    {
      firstTime: '2026-03-10T09:00:00Z',
      occurrenceCount: '12',
      action: 'EVENT_ACTION_BLOCKED',
      metric: 'METRIC_COST',
      window: 'WINDOW_DAY',
      spend: '9223372036854775807',
      amount: '5',
    },
  ]);
});

describe('of a busy day', () => {
  const orgId = 'initech';
  const at = (text: string) => Date.parse(`2026-03-08T${text}Z`);
  beforeAll(async () => {
    const zone = { ...plainOrganization(orgId) };
    const calendar = { ...zone.calendar, timeZone: 'America/New_York' };
    await plane.store.createOrganization({ ...zone, calendar }, anyChange);
    const rows: Row[] = [
      { atMs: at('04:59:59.999'), sequence: sequence(1), subjects: ['tier:pro', 'key:k1', 'org'] },
      { atMs: at('05:00:00'), sequence: sequence(2), occurrences: 40, limit: 'org/cap' },
      {
        atMs: at('06:30:00'),
        sequence: sequence(3),
        action: 'WARNED',
        target: 'mini',
        user: 'sue',
      },
      // Where the clock is put forward, at 07:00Z, the hour after 01:00 is 03:00.
      { atMs: at('07:00:00'), sequence: sequence(4), subjects: ['tier:pro', 'org'], user: 'sue' },
    ];
    for (const row of rows) await record({ orgId, ...row });
    await plane.database.pool.query(
      `INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts, held_cost,
  held_input, held_output, booked_at, expires_at, requests, reason)
SELECT $1, i::text, 'DENIED', 1, '', '', '', CASE i WHEN 1 THEN '{user:sue,org}' ELSE '{org}' END::text[],
  '{"name":"gpt"}', 0, 0, 0, $2::bigint + i, 0, 1, CASE i WHEN 3 THEN 'MODEL_DENIED' WHEN 4 THEN NULL ELSE 'COST_EXCEEDED' END
FROM generate_series(1, 4) AS i`,
      [orgId, at('06:00:00')],
    );
  });

  const listed = async (filter: Json) => (await walk({ orgId, ...filter })).flat();
  const counted = async (request: Json) => {
    const span = { startTime: '2026-03-08T04:00:00Z', endTime: '2026-03-08T08:00:00Z' };
    const asked = { orgId, ...span, ...request };
    const { body } = await plane.call('EnforcementService/CountEvents', asked);
    return body['counts'] as readonly Json[];
  };

  // Planted, and seen red each: every filter left out in turn.
  test.each<[string, Json, readonly number[]]>([
    ['a tier', { subjects: ['tier:pro'] }, [4, 1]],
    ['a tier and a key', { subjects: ['tier:pro', 'key:k1'] }, [1]],
    ['a target', { target: 'mini' }, [3]],
    ['a user', { user: 'sue' }, [4, 3]],
    ['a span', { startTime: '2026-03-08T05:00:00Z', endTime: '2026-03-08T07:00:00Z' }, [3, 2]],
  ])('events are listed by %s', async (_what, filter, numbers) => {
    expect(await listed(filter)).toEqual(numbers.map(sequence));
  });

  // Planted, and seen red each: hours of UTC's days in place of the zone's; rows counted in place of occurrences.
  test('events are counted by the days and hours of the zone, as often as they happened', async () => {
    const days = await counted({ interval: 'COUNT_INTERVAL_DAY' });
    expect(days).toEqual([
      { startTime: '2026-03-07T05:00:00Z', endTime: '2026-03-08T05:00:00Z', occurrenceCount: '1' },
      { startTime: '2026-03-08T05:00:00Z', endTime: '2026-03-09T04:00:00Z', occurrenceCount: '42' },
    ]);
    const hours = await counted({ groupBy: 'COUNT_GROUP_ACTION', user: 'sue' });
    expect(hours).toMatchObject([
      { startTime: '2026-03-08T06:00:00Z', occurrenceCount: '1', action: 'EVENT_ACTION_WARNED' },
      { startTime: '2026-03-08T07:00:00Z', occurrenceCount: '1', action: 'EVENT_ACTION_BLOCKED' },
    ]);
    const limits = await counted({ groupBy: 'COUNT_GROUP_LIMIT', interval: 'COUNT_INTERVAL_DAY' });
    expect(limits.map(({ limit, occurrenceCount }) => [limit, occurrenceCount])).toEqual([
      [undefined, '1'],
      [undefined, '2'],
      ['org/cap', '40'],
    ]);
  });

  test('denied calls are counted by their reason, with those that left no event', async () => {
    const groupBy = 'COUNT_GROUP_DENIAL_REASON';
    const reasons = await counted({ groupBy });
    expect(
      reasons.map(({ denialReason, occurrenceCount }) => [denialReason, occurrenceCount]),
    ).toEqual([
      ['REASON_COST_EXCEEDED', '2'],
      ['REASON_MODEL_DENIED', '1'],
    ]);
    expect(await counted({ groupBy, user: 'sue' })).toMatchObject([{ occurrenceCount: '1' }]);
    expect(await counted({ groupBy, target: 'mini' })).toBeUndefined();
  });
});

// Planted, and seen red each: no bound on what is read; the groups past the fiftieth left out.
test('one request reads a bounded number of rows, says where it ended, and counts the rest together', async () => {
  const orgId = 'hooli';
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
  await plane.database.pool.query(
    `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id, subjects, target)
SELECT $1, to_timestamp($2 + i / 1000.0), i::text, to_timestamp($2 + i / 1000.0), i::text, 1, 'WARNED', 'r', '{org}',
  CASE WHEN i = 1 THEN 'rare' ELSE 't' || (i % 60 + 10) END FROM generate_series(1, 100500) AS i`,
    [orgId, nowMs / 1000 - 3600],
  );
  const first = await plane.call('EnforcementService/ListEvents', { orgId, target: 'rare' });
  expect(first.body['events']).toBeUndefined();
  expect(first.body['searchedToTime']).toBe('2026-03-10T08:01:30.501Z');
  const count = await plane.call('EnforcementService/CountEvents', {
    orgId,
    groupBy: 'COUNT_GROUP_TARGET',
    interval: 'COUNT_INTERVAL_DAY',
    startTime: '2026-03-09T00:00:00Z',
  });
  const counts = count.body['counts'] as readonly Json[];
  const sum = counts.reduce((all, { occurrenceCount }) => all + Number(occurrenceCount), 0);
  expect(count.body['countedFromTime']).toBe('2026-03-10T08:00:00.501Z');
  expect(sum).toBe(100_000);
  expect(counts).toHaveLength(51);
  expect(counts.at(-1)).toMatchObject({ isRest: true });
});

// Planted, and seen red: without the index of newest events, the page sorted all of them.
test('a page of events reads the index of the newest, and no more than the page', async () => {
  await plane.database.pool.query('ANALYZE enforcement_event');
  const none = [null, null, null];
  const { rows } = await plane.database.pool.query<{ 'QUERY PLAN': readonly [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${scanEvents.text}`,
    ['hooli', 0, 253_402_300_800_000, ...none, [], null, null, null, 101],
  );
  const scans = [...walkPlan(rows[0]?.['QUERY PLAN'][0].Plan)].filter(
    (node) => node['Relation Name'],
  );
  expect(scans.map((node) => node['Node Type'])).not.toContain('Seq Scan');
  expect(scans.map((node) => node['Actual Rows'] * node['Actual Loops'] <= 101)).toEqual(
    scans.map(() => true),
  );
  expect(scans.length).toBeGreaterThanOrEqual(2);
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

function* walkPlan(node: PlanNode | undefined): Generator<PlanNode> {
  if (node === undefined) return;
  yield node;
  for (const below of node.Plans ?? []) yield* walkPlan(below);
}
