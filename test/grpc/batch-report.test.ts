import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatchReportRequestSchema, DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { BatchReportResult, ReportRequestSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { createBatchReport } from '../../src/service/batch-report.ts';
import { refusal, startTestServer, stubDataPlane } from '../support/data-server.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
} from '../support/organization.ts';
import { errorOf } from '../support/session.ts';
import { connectTo, testSettings } from '../support/test-app.ts';
import { lifetimeOf } from '../support/usage-rows.ts';
import { differencesOf } from '../support/verified.ts';
import { viewOf } from '../support/view.ts';

const { method } = DecisionService;
/** Never the result of a report: what a result that is missing is read as. */
const none: BatchReportResult['result'] = { case: undefined };

/** What names the organization of a report. */
interface Named {
  readonly orgId?: string;
  readonly credential?: string;
}

type Report = MessageInitShape<typeof ReportRequestSchema>;

let database: TestDatabase;
let app: App;
let client: UnaryClient;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  await database.pool.query(
    `UPDATE account SET grants = jsonb_set(grants, '{0,orgIds}', '["acme","many","small","nobody"]')`,
  );
  const store = policyStoreOf(database.pool, Date.now);
  for (const id of ['acme', 'many', 'small', 'globex']) {
    await store.createOrganization(plainOrganization(id), anyChange);
  }
  // A queue so short that a batch taken whole would fill it a hundred times.
  app = await createApp(
    testSettings(database.url, {
      TOLLGATE_RPC_TIMEOUT: '20s',
      TOLLGATE_MAX_QUEUE: '40',
    }),
  );
  client = connectTo(app, gatewayToken);
});
afterAll(async () => {
  client.close();
  await app.close();
  await database.drop();
});

function paid(requestId: string, costNanos: bigint, more: Named = {}): Report {
  return { requestId, target: 'm', usage: { costNanos }, ...more };
}

async function batch(orgId: string, reports: Report[]): Promise<BatchReportResult['result'][]> {
  const { results } = await client.call(method.batchReport, { orgId, reports });
  return results.map(({ result }) => result);
}

// Planted: with all reports under way at once, those beyond the queue are refused as OVERLOADED: red.
test('a thousand reports are booked, each in its place, and again only in answer', async () => {
  const reports = Array.from({ length: 1000 }, (_, index) => paid(`r${index}`, BigInt(index)));
  const first = await batch('many', reports);
  const again = await batch('many', reports);
  const told = (results: typeof first) =>
    results.map(({ value }) =>
      value?.$typeName === 'tollgate.v1.ReportResponse'
        ? [value.requestId, value.costNanos, value.replayed]
        : value?.message,
    );
  expect(told(first)).toEqual(reports.map((one, cost) => [one.requestId, BigInt(cost), false]));
  expect(told(again)).toEqual(reports.map((one, cost) => [one.requestId, BigInt(cost), true]));
  expect(await lifetimeOf(database.pool, 'many', 'org')).toBe('499500/0/0/1000');
  expect(await differencesOf(database.pool, 'many')).toEqual([]);
});

test('checks are answered while batches are under way', async () => {
  const reports = Array.from({ length: 500 }, (_, index) => paid(`s${index}`, 1n));
  const check = { orgId: 'small', target: 'm', estimate: { costNanos: 1n } };
  const batches = ['a', 'b', 'c'].map((prefix) =>
    batch(
      'small',
      reports.map((one) => ({ ...one, requestId: `${prefix}${one.requestId}` })),
    ),
  );
  for (let times = 0; times < 50; times += 1) {
    expect(await client.call(method.check, check)).toMatchObject({ orgId: 'small' });
  }
  const results = (await Promise.all(batches)).flat();
  expect(results.filter((result) => result.case !== 'report')).toEqual([]);
});

// Planted: with reports of one request id side by side, which of them is the repeat changes from run to run: red.
test('reports with one request id are taken in their order: a repeat, and one that contradicts', async () => {
  const same = Array.from({ length: 20 }, () => paid('twice', 3n));
  const results = await batch('acme', [...same, paid('twice', 4n), paid('once', 5n)]);
  const [first, ...repeats] = results.slice(0, same.length);
  expect(first).toMatchObject({ case: 'report', value: { costNanos: 3n, replayed: false } });
  for (const repeat of repeats) {
    expect(repeat).toMatchObject({ case: 'report', value: { costNanos: 3n, replayed: true } });
  }
  const [contradiction = none, once] = results.slice(same.length);
  const { code, reason } = errorOf(contradiction);
  expect([code, reason]).toEqual(['ALREADY_EXISTS', 'REQUEST_ID_CONFLICT']);
  expect(once).toMatchObject({ case: 'report', value: { costNanos: 5n, replayed: false } });
});

test('a report settles the hold of a Check, as it would alone', async () => {
  const ids = { orgId: 'acme', requestId: 'held' };
  await client.call(method.check, { ...ids, target: 'm', estimate: { costNanos: 9n } });
  const [settled] = await batch('acme', [{ requestId: 'held', usage: { costNanos: 12n } }]);
  const overHold = { ...ids, costNanos: 12n, overHold: true };
  expect(settled).toMatchObject({ case: 'report', value: overHold });
  const alone = await client.call(method.report, { ...ids, usage: { costNanos: 12n } });
  expect(alone).toMatchObject({ ...overHold, replayed: true });
});

test('a wrong report is refused by itself, and says what it would have said alone', async () => {
  const wrong: [Report, reason: string, field: string | undefined][] = [
    [{ requestId: 'w1' }, 'FIELD_INVALID', 'usage'],
    [{ usage: {} }, 'FIELD_INVALID', 'request_id'],
    [paid('w3', -1n), 'FIELD_INVALID', 'usage.cost_nanos'],
    [paid('w4', 1n, { orgId: 'globex' }), 'FIELD_INVALID', 'org_id'],
    [paid('w5', 1n, { orgId: '' }), 'FIELD_INVALID', 'org_id'],
    [paid('w6', 1n, { credential: 'tg_key_unknown' }), 'FIELD_INVALID', 'credential'],
    [{ requestId: 'w7', usage: {} }, 'FIELD_INVALID', 'target'],
  ];
  const good = (number: number): Report => paid(`good-${number}`, 1n, { orgId: 'acme' });
  const both = wrong.flatMap(([report], index) => [report, good(index)]);
  const results = await batch('acme', both);
  expect(results).toHaveLength(2 * wrong.length);
  for (const [index, [, reason, field]] of wrong.entries()) {
    const refused = errorOf(results[2 * index] ?? none);
    expect([refused.code, refused.reason, refused.violations[0]?.field]).toEqual([
      'INVALID_ARGUMENT',
      reason,
      field,
    ]);
    expect(results[2 * index + 1]).toMatchObject({ case: 'report', value: { costNanos: 1n } });
  }
  const alone = await refusal(client.call(method.report, { orgId: 'acme', ...paid('w3', -1n) }));
  const { violations } = errorOf((await batch('acme', [paid('w3', -1n)]))[0] ?? none);
  expect(violations).toEqual(errorDetails(alone).violations);
});

test.each<[string, string, number, code: string, reason: string, fields: string[]]>([
  ['no organization', '', 1, 'INVALID_ARGUMENT', 'FIELD_INVALID', ['org_id']],
  ['no report', 'acme', 0, 'INVALID_ARGUMENT', 'FIELD_INVALID', ['reports']],
  ['1,001 reports', 'acme', 1001, 'INVALID_ARGUMENT', 'FIELD_INVALID', ['reports']],
  ['neither', 'a b', 0, 'INVALID_ARGUMENT', 'FIELD_INVALID', ['org_id', 'reports']],
  ['another’s organization', 'globex', 1, 'PERMISSION_DENIED', 'ORG_FORBIDDEN', []],
  ['an unknown organization', 'nobody', 1, 'NOT_FOUND', 'ORGANIZATION_NOT_FOUND', []],
])('a batch with %s is refused as a whole', async (_name, orgId, count, code, reason, fields) => {
  const reports = Array.from({ length: count }, (_, index) => paid(`whole-${index}`, 1n));
  const request = create(BatchReportRequestSchema, { orgId, reports });
  const error = await refusal(client.call(method.batchReport, request));
  const details = errorDetails(error);
  expect([status[error.code], details.reason]).toEqual([code, reason]);
  expect(details.violations.map(({ field }) => field)).toEqual(fields);
  const { rows } = await database.pool.query(
    `SELECT request_id FROM usage WHERE request_id LIKE 'whole-%'`,
  );
  expect(rows).toEqual([]);
});

// Planted: with the deadline of the batch for its reports too, there is no time left to tell: red.
test('reports that are not done in time get an error each, beside the results of the others', async () => {
  const view = viewOf({});
  const deadlines: (number | undefined)[] = [];
  const dataPlane = stubDataPlane({
    batchReport: createBatchReport({
      policies: {
        view: () => view,
        credential: () => undefined,
        newestEpoch: () => Promise.resolve(view.epoch),
        close: () => Promise.resolve(),
      },
      // So that one report is under way at a time.
      maxQueue: 1,
      monotonicMs: () => performance.now(),
    }),
    report(input, context) {
      if (input.requestId !== 'quick') return new Promise(() => undefined);
      deadlines.push(context.deadlineMs);
      return stubDataPlane().report(input, context);
    },
  });
  await using served = await startTestServer({ dataPlane, rpcTimeoutMs: 800 });
  await served.client.call(method.release, { orgId: 'acme', requestId: 'r' });
  const sentMs = performance.now();
  const reports = ['quick', 'slow', 'too late'].map((requestId) => paid(requestId, 1n));
  const { results } = await served.client.call(method.batchReport, { orgId: 'acme', reports });
  const [quick = none, ...late] = results.map(({ result }) => result);
  expect(quick).toMatchObject({ case: 'report', value: { requestId: 'quick' } });
  expect(deadlines[0]).toBeLessThan(sentMs + 800);
  const expected = ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'];
  expect(late.map((result) => errorOf(result).code)).toEqual(expected);
  expect(served.logged.at(-1)).toMatchObject({
    rpc: 'BatchReport',
    code: 'OK',
    batch: { reports: 3, refused: 2 },
  });
});

test('every report of a batch is counted as one', async () => {
  const url = `http://127.0.0.1:${app.adminPort}/metrics`;
  const counted = async (series: string): Promise<number> => {
    const text = await (await fetch(url)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(series))
        ?.split(' ')[1] ?? 0,
    );
  };
  const ok = 'tollgate_rpc_answered_total{rpc="Report",code="OK"}';
  const refused = 'tollgate_rpc_answered_total{rpc="Report",code="INVALID_ARGUMENT"}';
  const before = [await counted(ok), await counted(refused)];
  await batch('acme', [paid('counted', 1n), { requestId: 'wrong' }, paid('counted', 1n)]);
  // The text of the metrics may be a second old.
  const added = async () => {
    const after = [await counted(ok), await counted(refused)];
    return after.map((value, index) => value - (before[index] ?? 0));
  };
  await expect.poll(added, { timeout: 10_000, interval: 100 }).toEqual([2, 1]);
});
