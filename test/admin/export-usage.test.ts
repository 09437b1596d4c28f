import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { exportUsage } from '../../src/ledger/sql/export-usage.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { usageRow } from '../support/roll-up.ts';
import { insertUsageRows } from '../support/usage-rows.ts';
import type { UsageRow } from '../support/usage-rows.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

const month = { orgId: 'acme', startTime: '2026-02-01T00:00:00Z', endTime: '2026-03-01T00:00:00Z' };

/** All pages of an export, one after another. */
async function exported(more: Json): Promise<string> {
  const { body } = await plane.call('UsageService/ExportUsage', { ...month, ...more });
  const { text = '' } = body as { readonly text?: string };
  const pageToken = body['nextPageToken'];
  return pageToken === undefined ? text : text + (await exported({ ...more, pageToken }));
}

const names =
  'book_time,record_time,kind,request_id,user,team,key,token,principal,app,customer,tier,label,model,provider,' +
  'service_tier,cost_usd,input_tokens,cached_input_tokens,cache_write_tokens,cache_write_1h_tokens,output_tokens,' +
  'reasoning_output_tokens,request_count,units,price_revision,flags';

// Red with cells as they are: a user named like a formula would be one in a spreadsheet.
test('amounts are exact, texts are quoted, and what looks like a formula is none', async () => {
  const subjects = [
    'user:=cmd()',
    'team:a%2Cb',
    'team:red',
    'label:f=x y',
    'org',
    'team:red/user:=cmd()',
  ];
  await insertUsageRows(plane.database.pool, [
    usageRow('2026-02-03T10:00:00.123Z', {
      subjects,
      cost: -9_223_372_036_854_775n,
      target: '-m"1',
    }),
  ]);
  const [head, line, end] = (await exported({})).split('\n');
  expect([head, end]).toEqual([names, '']);
  expect(line).toBe(
    `2026-02-03T10:00:00.123Z,2026-02-03T10:00:00.123Z,CALL,r,'=cmd(),"a,b;red",,,,,,,f=x y,"'-m""1",,,` +
      '-9223372.036854775,-18446744073709550,0,0,0,-27670116110564325,0,1,,,',
  );
  const json = JSON.parse(await exported({ format: 'USAGE_EXPORT_FORMAT_JSONL' })) as Json;
  expect(json).toMatchObject({
    user: '=cmd()',
    team: ['a,b', 'red'],
    model: '-m"1',
    cost_usd: '-9223372.036854775',
  });
});

/** Rows of one instant too, which the order of ids tells apart. */
function rowsOf(count: number): UsageRow[] {
  return Array.from({ length: count }, (_, at) =>
    usageRow(new Date(Date.UTC(2026, 1, 5, 0, 0, 0, Math.floor(at / 4))).toISOString(), {
      orgId: 'acme',
      subjects: ['org', `user:u${at % 50}`],
      target: at % 2 === 0 ? 'gpt-5' : 'claude',
      cost: BigInt(at),
    }),
  );
}

// Red with pages that go on behind an instant instead of a row: three of four rows of one instant were left out.
test('pages of any size make the same file, and filters select the same rows', async () => {
  const rows = rowsOf(205);
  await insertUsageRows(plane.database.pool, rows);
  const whole = await exported({ startTime: '2026-02-05T00:00:00Z', pageSize: 1000 });
  const costs = (text: string): string[] =>
    text
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[16] ?? '')
      .toSorted();
  expect(costs(whole)).toHaveLength(205);
  expect(new Set(costs(whole)).size).toBe(205);
  expect(await exported({ startTime: '2026-02-05T00:00:00Z', pageSize: 7 })).toBe(whole);
  const filters = [
    { dimension: { kind: 'USAGE_DIMENSION_KIND_USER' }, values: ['u3', 'u4'] },
    { dimension: { kind: 'USAGE_DIMENSION_KIND_MODEL' }, values: ['claude'] },
  ];
  const some = await exported({ startTime: '2026-02-05T00:00:00Z', pageSize: 2, filters });
  expect(costs(some)).toEqual(
    costs(
      `x\n${whole
        .split('\n')
        .filter((line) => /,u3,.*,claude,/.test(line))
        .join('\n')}`,
    ),
  );
});

test('gRPC answers the same, and a token is of its own filters alone', async () => {
  const asked = { ...month, pageSize: 3, format: 'USAGE_EXPORT_FORMAT_JSONL' };
  const json = await plane.call('UsageService/ExportUsage', asked);
  expect((await callGrpc(plane.url, UsageService, 'ExportUsage', asked)).body).toEqual(json.body);
  const pageToken = json.body['nextPageToken'];
  const other = { ...asked, pageToken, endTime: '2026-02-20T00:00:00Z' };
  expect((await plane.call('UsageService/ExportUsage', other)).fields).toEqual(['page_token']);
});

test('a page is found by the index of the time of booking', async () => {
  const { pool } = plane.database;
  await pool.query('ANALYZE usage');
  const values = [
    'acme',
    0,
    1e15,
    '2020-01-01',
    1,
    '00000000-0000-0000-0000-000000000000',
    100,
    100,
  ];
  const client = await pool.connect();
  await client.query('SET enable_seqscan = off');
  const { rows } = await client.query<Record<'QUERY PLAN', string>>(`EXPLAIN ${exportUsage.text}`, [
    ...values,
    [],
    null,
    null,
    null,
  ]);
  await client.query('RESET enable_seqscan');
  client.release();
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain('booked_at_idx');
});
