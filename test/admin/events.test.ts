import { afterAll, beforeAll, expect, test } from 'vitest';
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
}

async function record(row: Row): Promise<void> {
  const { orgId = 'acme', user = null, action = 'BLOCKED', limit = null, occurrences = 1 } = row;
  const at = new Date(row.atMs);
  const spend = '18446744073709551616';
  await plane.database.pool.query(
    `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id,
       subjects, user_id, limit_subject, limit_name, revision, meter_id, metric, time_window, spend,
       amount, ask)
     VALUES ($1, $2, $3, $2, $3, $4, $5, 'r', '{org}', $6, 'org', $7, 1, 'org', 'COST', 'DAY', $8, 5, 1)`,
    [orgId, at, row.sequence, occurrences, action, user, limit, spend],
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
