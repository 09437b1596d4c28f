import type { DescMessage, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type {
  BatchReportRequestSchema,
  CheckRequestSchema,
  ExplainRequestSchema,
  ExtendRequestSchema,
  ListTargetsRequestSchema,
  ReleaseRequestSchema,
  ReportRequestSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import type { LimitView } from '../../gen/tollgate/v1/outcome_pb.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import { refusal, startTestServer, stubDataPlane } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';
import { errorOf, messageBytes, openSession } from '../support/session.ts';
import type { Operation } from '../support/session.ts';
import { amountCases, wrongWeights } from './wrong-amounts.ts';

const { method } = DecisionService;
/** What a newer client might send. */
const unknownViews = [3, -1, 2_147_483_647].map((view) => view as LimitView);
const maxInt64 = 9_223_372_036_854_775_807n;
const long = 'x'.repeat(201);
/** One wrong id of every kind that there is. */
const wrongIds = [
  '',
  long,
  'a b',
  'a\tb',
  'al\u0000ice',
  'gpt\n',
  'a\u00a0b',
  '\u0085',
  'a\u2028b',
];
const wrongRequestIds = ['', 'r'.repeat(129), 'ü', 'a\nb', '\u007f'];
const wrongSecrets = ['', 's'.repeat(513), 'a b', 'ü'];
const wrongTtls = [
  { seconds: 0n, nanos: 0 },
  { seconds: -5n, nanos: 0 },
  { seconds: 0n, nanos: -1 },
  { seconds: 86_400n, nanos: 1 },
  { seconds: maxInt64, nanos: 0 },
  { seconds: 1n, nanos: -1 },
  { seconds: 1n, nanos: 1_000_000_000 },
];

type Check = MessageInitShape<typeof CheckRequestSchema>;
type Report = MessageInitShape<typeof ReportRequestSchema>;
type Release = MessageInitShape<typeof ReleaseRequestSchema>;
type Extend = MessageInitShape<typeof ExtendRequestSchema>;
type Explain = MessageInitShape<typeof ExplainRequestSchema>;
type ListTargets = MessageInitShape<typeof ListTargetsRequestSchema>;
type Batch = MessageInitShape<typeof BatchReportRequestSchema>;
type Case<Request> = readonly [field: string, request: Request];

const check = { orgId: 'acme', requestId: 'r', target: 'm' };
const report = { orgId: 'acme', requestId: 'r', usage: {} };
const release = { orgId: 'acme', requestId: 'r' };
const extend = { orgId: 'acme', requestId: 'r', sequence: 1 };
const explain = { orgId: 'acme', target: 'm' };

/** The faults of `org_id` and `credential`, which every request has. */
function tenantCases<Request>(rest: Request): Case<Request>[] {
  return [
    ['org_id', { ...rest, orgId: undefined }],
    ...wrongIds.map((orgId): Case<Request> => ['org_id', { ...rest, orgId }]),
    ...wrongSecrets.map((credential): Case<Request> => ['credential', { ...rest, credential }]),
  ];
}

function subjectCases<Request>(rest: Request): Case<Request>[] {
  const of = (field: string, subjects: Check['subjects']): Case<Request> => [
    `subjects.${field}`,
    { ...rest, subjects },
  ];
  const many = Array.from({ length: 33 }, (_, index) => `n${index}`);
  return [
    ...wrongIds.flatMap((id) => [
      of('teams[1]', { teams: ['red', id] }),
      of('user', { user: id }),
      of('tier', { tier: id }),
      of('key', { key: id }),
      of('principal', { principal: id }),
      of('app', { app: id }),
      of('customer', { customer: id }),
      of('labels[feature]', { labels: { feature: id } }),
    ]),
    of('teams', { teams: many }),
    of('labels', { labels: Object.fromEntries(many.map((key) => [key, 'v'])) }),
    of('labels', { labels: { '': 'v' } }),
    of('labels', { labels: { 'a=b': 'v' } }),
    of('labels', { labels: { 'a b': 'v' } }),
    of('labels[k]', { labels: { k: 'v'.repeat(199) } }),
  ];
}

/** Who serves a call, which Check, Report, Explain and ListTargets may say. */
function servedCases<Request>(rest: Request): Case<Request>[] {
  return [
    ...wrongIds.map((provider): Case<Request> => ['provider', { ...rest, provider }]),
    ...['', 'Flex', 'a b', 'flex\n', 'ü', 'x'.repeat(65)].map((serviceTier): Case<Request> => [
      'service_tier',
      { ...rest, serviceTier },
    ]),
  ];
}

const checkCases: Case<Check>[] = [
  ...tenantCases<Check>(check),
  ...subjectCases<Check>(check),
  ...amountCases('estimate', check),
  ...wrongWeights.map((requests): Case<Check> => [
    'estimate.requests',
    { ...check, estimate: { requests } },
  ]),
  ...wrongRequestIds.map((requestId): Case<Check> => ['request_id', { ...check, requestId }]),
  ...wrongRequestIds.map((parentRequestId): Case<Check> => [
    'parent_request_id',
    { ...check, parentRequestId },
  ]),
  ...wrongIds.map((target): Case<Check> => ['target', { ...check, target }]),
  ...servedCases<Check>(check),
  ...wrongTtls.map((ttl): Case<Check> => ['ttl', { ...check, ttl }]),
  ...unknownViews.map((view): Case<Check> => ['limit_view', { ...check, limitView: view }]),
];
const reportCases: Case<Report>[] = [
  ...tenantCases<Report>(report),
  ...subjectCases<Report>(report),
  ...amountCases('usage', report),
  ...wrongWeights.map((requests): Case<Report> => ['requests', { ...report, requests }]),
  ...[
    { reasoningOutputTokens: -1n },
    { outputTokens: 4n, reasoningOutputTokens: 5n },
    { reasoningOutputTokens: 1n },
  ].map((usage): Case<Report> => ['usage.reasoning_output_tokens', { ...report, usage }]),
  ['usage', { orgId: 'acme', requestId: 'r' }],
  ['usage_unknown', { ...report, usageUnknown: true }],
  ['usage_unknown', { orgId: 'acme', requestId: 'r', usageUnknown: true, partial: true }],
  ['request_id', { orgId: 'acme', usageUnknown: true }],
  ['request_id', { orgId: 'acme', usage: {} }],
  ...wrongRequestIds.map((requestId): Case<Report> => ['request_id', { ...report, requestId }]),
  ...wrongIds.map((target): Case<Report> => ['target', { ...report, target }]),
  ...servedCases<Report>(report),
];
const releaseCases: Case<Release>[] = [
  ...tenantCases<Release>(release),
  ...wrongRequestIds.map((requestId): Case<Release> => ['request_id', { ...release, requestId }]),
];
const extendCases: Case<Extend>[] = [
  ...tenantCases<Extend>(extend),
  ...amountCases('added', extend),
  // An Extend adds no requests, not even one.
  ...[...wrongWeights, 1n].map((requests): Case<Extend> => [
    'added.requests',
    { ...extend, added: { requests } },
  ]),
  ...wrongRequestIds.map((requestId): Case<Extend> => ['request_id', { ...extend, requestId }]),
  ...[0, -1].map((sequence): Case<Extend> => ['sequence', { ...extend, sequence }]),
  ...wrongTtls.map((ttl): Case<Extend> => ['ttl', { ...extend, ttl }]),
  ...unknownViews.map((view): Case<Extend> => ['limit_view', { ...extend, limitView: view }]),
];
const explainCases: Case<Explain>[] = [
  ...tenantCases<Explain>(explain),
  ...subjectCases<Explain>(explain),
  ...amountCases('estimate', explain),
  ...wrongIds.map((target): Case<Explain> => ['target', { ...explain, target }]),
  ...servedCases<Explain>(explain),
];
const listTargetsCases: Case<ListTargets>[] = [
  ...tenantCases<ListTargets>({ orgId: 'acme' }),
  ...subjectCases<ListTargets>({ orgId: 'acme' }),
  ...servedCases<ListTargets>({ orgId: 'acme' }),
  ['page_size', { orgId: 'acme', pageSize: -1 }],
];

describe('every wrong field of every request is named, and nothing is done', () => {
  let served: TestServer;
  let done = 0;
  const count = () => {
    done += 1;
    return Promise.reject(new Error('a wrong request came through'));
  };
  beforeAll(async () => {
    const dataPlane = stubDataPlane({
      check: count,
      report: count,
      release: count,
      extend: count,
      explain: count,
      listTargets: count,
    });
    served = await startTestServer({ dataPlane });
  });
  afterAll(() => served[Symbol.asyncDispose]());

  async function expectRefused<In extends DescMessage, Out extends DescMessage>(
    rpc: DescMethodUnary<In, Out>,
    [field, request]: Case<MessageInitShape<In>>,
  ): Promise<void> {
    const error = await refusal(served.client.call(rpc, request));
    const { reason, violations } = errorDetails(error);
    expect([status[error.code], reason]).toEqual(['INVALID_ARGUMENT', 'FIELD_INVALID']);
    expect(violations.map((violation) => violation.field)).toEqual([field]);
    expect(done).toBe(0);
  }

  test.each(checkCases)('Check %s: %o', (...row) => expectRefused(method.check, row));
  test.each(reportCases)('Report %s: %o', (...row) => expectRefused(method.report, row));
  test.each(releaseCases)('Release %s: %o', (...row) => expectRefused(method.release, row));
  test.each(extendCases)('Extend %s: %o', (...row) => expectRefused(method.extend, row));
  test.each(explainCases)('Explain %s: %o', (...row) => expectRefused(method.explain, row));
  test.each(listTargetsCases)('ListTargets %s: %o', (...row) =>
    expectRefused(method.listTargets, row),
  );

  /** Sends each over one stream, which outlives them all. */
  async function expectRefusedInSession(rows: readonly Case<Operation>[]): Promise<void> {
    using session = openSession(served.address);
    for (const [field, operation] of rows) {
      const { code, reason, violations } = errorOf(await session.ask('c', operation));
      expect([code, reason]).toEqual(['INVALID_ARGUMENT', 'FIELD_INVALID']);
      expect(violations.map((violation) => violation.field)).toEqual([field]);
    }
    session.closeHalf();
    expect([await session.end, session.order.length]).toEqual([['OK', undefined], rows.length]);
    expect(done).toBe(0);
  }

  test.each<[name: string, rows: Case<Operation>[]]>([
    ['Check', checkCases.map(([field, value]) => [field, { case: 'check', value }])],
    ['Report', reportCases.map(([field, value]) => [field, { case: 'report', value }])],
    ['Release', releaseCases.map(([field, value]) => [field, { case: 'release', value }])],
    ['Extend', extendCases.map(([field, value]) => [field, { case: 'extend', value }])],
    ['none of them', [['operation', { case: undefined }]]],
  ])('Session %s: every row of its table', (_name, rows) => expectRefusedInSession(rows));

  test.each(wrongRequestIds)('Session correlation_id: %o', async (id) => {
    using session = openSession(served.address);
    const answered = session.answer(id.slice(0, 128));
    session.send(messageBytes(id, { case: 'release', value: release }));
    const { violations } = errorOf(await answered);
    expect(violations.map((violation) => violation.field)).toEqual(['correlation_id']);
    expect(done).toBe(0);
  });

  test('BatchReport reports: every row of the table of Report, but for the organization', async () => {
    const rows = reportCases.filter(([, { orgId }]) => orgId === 'acme');
    const reports = rows.map(([, report]) => report);
    const { results } = await served.client.call(method.batchReport, { orgId: 'acme', reports });
    const found = results.map(({ result }) => errorOf(result).violations.map(({ field }) => field));
    expect(found).toEqual(rows.map(([field]) => [field]));
    expect(done).toBe(0);
  });

  test.each<Case<Batch>>([
    ...wrongIds.map((orgId): Case<Batch> => ['org_id', { orgId, reports: [report] }]),
    ['reports', { orgId: 'acme' }],
    ['reports', { orgId: 'acme', reports: Array.from({ length: 1001 }, () => report) }],
  ])('BatchReport %s: %o', (...row) => expectRefused(method.batchReport, row));

  test('several faults are named together', async () => {
    const request = { orgId: '', requestId: '', target: '', estimate: { inputTokens: -1n } };
    const error = await refusal(served.client.call(method.check, request));
    expect(errorDetails(error).violations.map((violation) => violation.field)).toEqual([
      'org_id',
      'request_id',
      'target',
      'estimate.input_tokens',
    ]);
  });

  test('a thousand faults do not make a header too large to read', async () => {
    const subjects = { teams: Array.from({ length: 1000 }, () => '') };
    const error = await refusal(served.client.call(method.check, { ...check, subjects }));
    expect(errorDetails(error).violations).toHaveLength(16);
  });
});
