import { create, toBinary } from '@bufbuild/protobuf';
import {
  CheckRequestSchema,
  ExplainRequestSchema,
  ReportRequestSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { fullKeySecret, fullSubjects } from '../full-scene.ts';
import { benchUser } from '../scene.ts';
import { checkExplainAnswer, createCheckAnswerCheck } from './answer-checks.ts';
import { createReportAnswerCheck } from './answer-checks.ts';
import type { AnswerCheck } from './answer-checks.ts';
import { createCallTemplate, numberMark, userMark } from './call-template.ts';
import type { CallTemplate } from './call-template.ts';
import type { LoadOrder } from './order.ts';

/** One RPC of a call: its frames, one template for each organization in turn, and how its answer is checked. */
export interface Step {
  readonly templates: readonly CallTemplate[];
  readonly check: AnswerCheck;
}

/** What a call consists of. */
export interface CallPlan {
  readonly steps: readonly Step[];
  /** The number that the call with this count carries: its id and user follow from it. */
  numberOf(count: number): number;
}

const usage = { inputTokens: 1000n, outputTokens: 300n };
/** 1,000 tokens at 2.5 and 300 at 10 USD a million. */
const usageCostNanos = 5_500_000;
/** Repeats walk round these many calls. */
const repeatedCalls = 64;

/** Plans the calls of an order; `run` makes ids and secrets different from those of other runs. */
export function planCalls(order: LoadOrder, run: string): CallPlan {
  const { kind } = order;
  const step = (method: string, check: AnswerCheck, encode: (orgId: string) => Uint8Array) => ({
    templates: order.orgIds.map((orgId) =>
      createCallTemplate(headersOf(order, method), encode(orgId)),
    ),
    check,
  });
  const requestId = `${run}-${numberMark}`;
  if (kind === 'explain') {
    const explain = step('Explain', checkExplainAnswer, (orgId) =>
      toBinary(ExplainRequestSchema, create(ExplainRequestSchema, aboutCall(kind, orgId, run))),
    );
    return { steps: [explain], numberOf: (count) => count };
  }
  const isRefused = kind === 'deny' || kind === 'flood';
  const expected = isRefused ? Decision.DENY : Decision.ALLOW;
  const check = step('Check', createCheckAnswerCheck(expected, kind === 'replay'), (orgId) =>
    toBinary(
      CheckRequestSchema,
      create(CheckRequestSchema, { ...aboutCall(kind, orgId, run), requestId }),
    ),
  );
  const report = step('Report', createReportAnswerCheck(usageCostNanos), (orgId) =>
    toBinary(ReportRequestSchema, create(ReportRequestSchema, { orgId, requestId, usage })),
  );
  return {
    steps: kind === 'pair' ? [check, report] : [check],
    numberOf: kind === 'replay' ? (count) => count % repeatedCalls : (count) => count,
  };
}

function headersOf({ port, token }: LoadOrder, method: string): Record<string, string> {
  return {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': `/tollgate.v1.DecisionService/${method}`,
    ':authority': `127.0.0.1:${port}`,
    te: 'trailers',
    'content-type': 'application/grpc',
    authorization: `Bearer ${token}`,
  };
}

function aboutCall(kind: LoadOrder['kind'], orgId: string, run: string) {
  return {
    orgId,
    ...presented(kind, run),
    target: 'gpt-4o',
    estimate: { inputTokens: 1000n, outputTokens: 500n },
  };
}

/** Who calls: in the full model with a key; in a flood with a secret that nobody knows, each time another. */
function presented(kind: LoadOrder['kind'], run: string) {
  const user = benchUser(userMark);
  if (kind === 'full') {
    const subjects = { user, ...fullSubjects, teams: [...fullSubjects.teams] };
    return { credential: fullKeySecret, subjects };
  }
  const subjects = { user, teams: ['red'], app: 'crm', labels: {} };
  return kind === 'flood' ? { credential: `tg_key_${run}_${numberMark}`, subjects } : { subjects };
}
