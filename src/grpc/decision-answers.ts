import type { DescMessage } from '@bufbuild/protobuf';
import type { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { DataPlane, DecisionOutput, ReportOutput } from '../service/data-plane.ts';
import {
  checkFromMessage,
  explainFromMessage,
  extendFromMessage,
  listTargetsFromMessage,
  releaseFromMessage,
  reportFromMessage,
} from '../wire/decision-requests.ts';
import {
  checkToMessage,
  explainToMessage,
  extendToMessage,
  listTargetsToMessage,
  releaseToMessage,
  reportToMessage,
} from '../wire/decision-responses.ts';
import type { CallFacts } from './call-facts.ts';
import type { Answer } from './surround.ts';

type Methods = typeof DecisionService.method;

/** The methods that are one question and one answer. */
type Single = Exclude<keyof Methods, 'session' | 'batchReport'>;

/** How single questions are answered, by method; alone, in a Session or in a batch. */
export type DecisionAnswers = {
  readonly [Name in Single]: Methods[Name] extends {
    readonly input: infer In extends DescMessage;
    readonly output: infer Out extends DescMessage;
  }
    ? Answer<In, Out>
    : never;
};

/** The answers of `tollgate.v1.DecisionService` to single questions. */
export function decisionAnswers(dataPlane: DataPlane): DecisionAnswers {
  return {
    async check(message, context, facts) {
      noteIds(facts, message);
      const { input, view } = checkFromMessage(message);
      const output = await dataPlane.check(input, context);
      noteDecision(facts, output);
      return checkToMessage(output, view);
    },
    async report(message, context, facts) {
      noteIds(facts, message);
      const output = await dataPlane.report(reportFromMessage(message), context);
      noteReport(facts, output);
      return reportToMessage(output);
    },
    async release(message, context, facts) {
      noteIds(facts, message);
      const output = await dataPlane.release(releaseFromMessage(message), context);
      noteIds(facts, output);
      return releaseToMessage(output);
    },
    async extend(message, context, facts) {
      noteIds(facts, message);
      const { input, view } = extendFromMessage(message);
      const output = await dataPlane.extend(input, context);
      noteDecision(facts, output);
      return extendToMessage(output, input.sequence, view);
    },
    async explain(message, context, facts) {
      noteIds(facts, message);
      return explainToMessage(await dataPlane.explain(explainFromMessage(message), context));
    },
    async listTargets(message, context, facts) {
      noteIds(facts, message);
      const input = listTargetsFromMessage(message);
      return listTargetsToMessage(await dataPlane.listTargets(input, context));
    },
  };
}

interface Ids {
  readonly orgId?: string | undefined;
  readonly requestId?: string | undefined;
}

/**
 * Log lines contain the ids of the request, also if they are invalid. They are cut, because they may be of any
 * length.
 */
export function noteIds(facts: CallFacts, ids: Ids): void {
  if (ids.orgId !== undefined) facts.orgId = ids.orgId.slice(0, 200);
  if (ids.requestId !== undefined) facts.requestId = ids.requestId.slice(0, 128);
}

function noteDecision(facts: CallFacts, output: DecisionOutput): void {
  const [reason] = output.outcome.reasons;
  noteIds(facts, output);
  facts.decision = output.outcome.decision;
  if (reason !== undefined) facts.reason = reason;
  facts.replayed = output.replayed;
  facts.degraded = output.degraded;
}

function noteReport(facts: CallFacts, output: ReportOutput): void {
  noteIds(facts, output);
  facts.replayed = output.replayed;
  if (output.replayed) return;
  facts.report = {
    over_hold: output.overHold ? 'true' : 'false',
    late: output.late ? 'true' : 'false',
    unpriced: output.usage.unpriced ? 'true' : 'false',
    unattributed: output.unattributed ? 'true' : 'false',
    usage_assumed: output.usageAssumed ? 'true' : 'false',
  };
}
