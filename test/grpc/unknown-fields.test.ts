import { create } from '@bufbuild/protobuf';
import type { DescMessage, DescMethodUnary, Message, MessageInitShape } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { EstimateSchema, SubjectsSchema, UsageSchema } from '../../gen/tollgate/v1/call_pb.ts';
import { DecisionService, SessionRequestSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import { toBinary } from '@bufbuild/protobuf';
import { errorDetails } from '../../src/client/error-details.ts';
import { refusal, startTestServer, stubDataPlane } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';
import { errorOf, openSession } from '../support/session.ts';

const { method } = DecisionService;

let served: TestServer;
let done: string[] = [];
beforeAll(async () => {
  const stub = stubDataPlane();
  const noted = <Answer>(name: string, answer: Answer): Answer => {
    done.push(name);
    return answer;
  };
  served = await startTestServer({
    dataPlane: stubDataPlane({
      check: (input, context) => noted('check', stub.check(input, context)),
      report: (input, context) => noted('report', stub.report(input, context)),
      release: (input, context) => noted('release', stub.release(input, context)),
      extend: (input, context) => noted('extend', stub.extend(input, context)),
      explain: (input, context) => noted('explain', stub.explain(input, context)),
      listTargets: (input, context) => noted('listTargets', stub.listTargets(input, context)),
    }),
  });
});
afterAll(() => served[Symbol.asyncDispose]());
beforeEach(() => {
  done = [];
});

/** The message, with a field of a contract to come. */
function newer<M extends Message>(message: M): M {
  message.$unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
  return message;
}

const check = { orgId: 'acme', requestId: 'r1', target: 'gpt-4o' };
const report = { orgId: 'acme', requestId: 'r1', usage: {} };
const id = { orgId: 'acme', requestId: 'r1' };
const withUsage = () => ({ ...report, usage: newer(create(UsageSchema)) });

function row<In extends DescMessage, Out extends DescMessage>(
  rpc: DescMethodUnary<In, Out>,
  field: string,
  request: MessageInitShape<In>,
): [string, string, () => Promise<unknown>] {
  return [rpc.name, field, () => refusal(served.client.call(rpc, request))];
}

function rootRow<In extends DescMessage, Out extends DescMessage>(
  rpc: DescMethodUnary<In, Out>,
  request: MessageInitShape<In>,
) {
  return row(rpc, '99', newer(create(rpc.input, request)) as MessageInitShape<In>);
}

// Seen red: with the fields left out when a message is read, as they were; and in part with the walk ended at the
// message itself.
test.each([
  rootRow(method.check, check),
  row(method.check, 'estimate.99', { ...check, estimate: newer(create(EstimateSchema)) }),
  row(method.check, 'subjects.99', { ...check, subjects: newer(create(SubjectsSchema)) }),
  row(method.check, 'ttl.99', { ...check, ttl: newer(create(DurationSchema, { seconds: 9n })) }),
  rootRow(method.report, report),
  row(method.report, 'usage.99', withUsage()),
  rootRow(method.release, id),
  rootRow(method.extend, { ...id, sequence: 1 }),
  row(method.extend, 'added.99', { ...id, sequence: 1, added: newer(create(EstimateSchema)) }),
  rootRow(method.explain, { orgId: 'acme', target: 'gpt-4o' }),
  rootRow(method.listTargets, { orgId: 'acme' }),
  rootRow(method.batchReport, { orgId: 'acme', reports: [report] }),
])('%s with an unknown field %s is refused, and nothing is done', async (_rpc, field, send) => {
  const error = (await send()) as Awaited<ReturnType<typeof refusal>>;
  const { reason, metadata, retryAfterMs } = errorDetails(error);
  expect([status[error.code], reason, metadata]).toEqual([
    'UNIMPLEMENTED',
    'FIELD_UNKNOWN',
    { field },
  ]);
  expect(retryAfterMs).toBe(1000);
  expect(done).toEqual([]);
});

// Seen red: with the field left out, and with the whole batch refused for one report.
test('of a batch, only the report with the unknown field is refused', async () => {
  const reports = [report, { ...withUsage(), requestId: 'r2' }, { ...report, requestId: 'r3' }];
  const { results } = await served.client.call(method.batchReport, { orgId: 'acme', reports });
  const [first, second = { result: { case: undefined } }, third] = results.map(
    (one) => one as Pick<typeof one, 'result'>,
  );
  expect([first?.result.case, third?.result.case]).toEqual(['report', 'report']);
  expect(errorOf(second.result)).toMatchObject({
    code: 'UNIMPLEMENTED',
    reason: 'FIELD_UNKNOWN',
    metadata: { field: 'usage.99' },
  });
  expect(done).toEqual(['report', 'report']);
});

// Seen red: with the field left out, and with the message judged before its correlation id is read.
test('of a Session, only the message with the unknown field is refused, under its id', async () => {
  using session = openSession(served.address);
  const refused = { code: 'UNIMPLEMENTED', reason: 'FIELD_UNKNOWN' };
  const nested = await session.ask('a', { case: 'report', value: withUsage() });
  expect(errorOf(nested)).toMatchObject({ ...refused, metadata: { field: 'usage.99' } });
  // An operation that this release does not have is an unknown field, too.
  const other = newer(create(SessionRequestSchema, { correlationId: 'b' }));
  session.send(toBinary(SessionRequestSchema, other));
  expect(errorOf(await session.answer('b'))).toMatchObject({
    ...refused,
    metadata: { field: '99' },
  });
  const after = await session.ask('c', { case: 'check', value: check });
  expect(after.case).toBe('check');
  expect(done).toEqual(['check']);
});
