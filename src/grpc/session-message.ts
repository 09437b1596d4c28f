import {
  DecisionService,
  SessionRequestSchema,
  SessionResponseSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import type { SessionRequest } from '../../gen/tollgate/v1/decision_pb.ts';
import { rightOf } from '../auth/rights.ts';
import { asServiceError } from '../wire/status.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { CallContext } from '../service/data-plane.ts';
import { echoedId, operationFromMessage, sessionToMessage } from '../wire/session.ts';
import type { Operation, OperationResult } from '../wire/session.ts';
import type { CallFacts } from './call-facts.ts';
import { decode, encode } from './codec.ts';
import type { DecisionAnswers } from './decision-answers.ts';
import { runCall, serve } from './surround.ts';
import type { Arrival, Surroundings } from './surround.ts';

const { check, report, release, extend, session } = DecisionService.method;

/** What each operation counts as and is judged as. */
const judgedAs = {
  check: { rpc: check.name, right: rightOf(check) },
  report: { rpc: report.name, right: rightOf(report) },
  release: { rpc: release.name, right: rightOf(release) },
  extend: { rpc: extend.name, right: rightOf(extend) },
};
/** The same of a message that names none. */
const judgedAsNone = { rpc: 'SessionMessage', right: rightOf(session) };

/**
 * Answers the messages of one stream: each as if it had been sent alone. The caller is looked up again for each
 * message. `onRejected` hears when the caller is not let in any more.
 */
export function createMessageAnswerer(
  answers: DecisionAnswers,
  surroundings: Surroundings,
  call: Arrival,
  onRejected: (cause: ServiceError) => void,
) {
  const underWay = new Set<string>();

  return (bytes: Buffer, reply: (bytes: Buffer) => void): void => {
    const { correlationId, operation } = open(bytes, underWay);
    const isRefused = operation instanceof ServiceError;
    if (!isRefused) underWay.add(correlationId);
    const send = (result: OperationResult | ServiceError): void => {
      // Before it is sent, because a client that has the answer may use the id again.
      if (!isRefused) underWay.delete(correlationId);
      reply(encode(SessionResponseSchema, sessionToMessage(correlationId, result)));
    };
    const { rpc, right } = isRefused ? judgedAsNone : judgedAs[operation.case];
    void runCall(surroundings, rpc, {
      work: (facts) =>
        serve(surroundings, call, right, facts, (context) =>
          isRefused ? Promise.reject(operation) : perform(answers, operation, context, facts),
        ),
      done: send,
      refused(error) {
        send(error);
        if (error.kind === 'UNAUTHENTICATED') onRejected(error);
      },
    });
  };
}

interface Opened {
  readonly correlationId: string;
  readonly operation: Operation | ServiceError;
}

/** Reads a message as far as it can be read. */
function open(bytes: Buffer, underWay: ReadonlySet<string>): Opened {
  let correlationId = '';
  try {
    const message: SessionRequest = decode(SessionRequestSchema, bytes);
    correlationId = echoedId(message.correlationId);
    return { correlationId, operation: operationFromMessage(message, underWay) };
  } catch (cause) {
    return { correlationId, operation: asServiceError(cause) };
  }
}

async function perform(
  answers: DecisionAnswers,
  operation: Operation,
  context: CallContext,
  facts: CallFacts,
): Promise<OperationResult> {
  switch (operation.case) {
    case 'check':
      return { case: 'check', value: await answers.check(operation.value, context, facts) };
    case 'report':
      return { case: 'report', value: await answers.report(operation.value, context, facts) };
    case 'release':
      return { case: 'release', value: await answers.release(operation.value, context, facts) };
    case 'extend':
      return { case: 'extend', value: await answers.extend(operation.value, context, facts) };
  }
}
