import { Metadata } from '@grpc/grpc-js';
import type { ServerDuplexStream, handleBidiStreamingCall } from '@grpc/grpc-js';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { rightOf } from '../auth/rights.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { CallFacts } from './call-facts.ts';
import type { DecisionAnswers } from './decision-answers.ts';
import { grpcStatus } from './grpc-status.ts';
import { createMessageAnswerer } from './session-message.ts';
import { answerStream } from './session-stream.ts';
import type { AnsweredStream } from './session-stream.ts';
import { runCall, serve } from './surround.ts';
import type { Arrival, Surroundings } from './surround.ts';

/** What one Session may ask of the server. */
export interface SessionLimits {
  /** Messages of one Session that are under way, until their answers are taken. */
  readonly sessionMessages: number;
  /** How long an answer may wait to be taken. */
  readonly sessionStallMs: number;
}

/** The open streams of `DecisionService.Session`. */
export interface Sessions {
  readonly handler: handleBidiStreamingCall<Buffer, Buffer>;
  /** Reads no more messages, answers those that were read, ends the streams, and refuses new ones. */
  end(): void;
}

type Stream = ServerDuplexStream<Buffer, Buffer>;

/** Creates the handler of Session; a stream counts as the RPC `Session`, its messages as what they ask for. */
export function createSessions(
  answers: DecisionAnswers,
  surroundings: Surroundings & SessionLimits,
): Sessions {
  const right = rightOf(DecisionService.method.session);
  const open = new Set<AnsweredStream>();
  let isStopping = false;

  async function conduct(call: Stream, facts: CallFacts): Promise<void> {
    await serve(surroundings, call, right, facts, () => Promise.resolve());
    if (isStopping) throw stopping();
    // Says that the caller is let in, before there is anything to answer.
    call.sendMetadata(new Metadata());
    facts.messages = 0;
    const limits = {
      mostUnderWay: surroundings.sessionMessages,
      stallMs: surroundings.sessionStallMs,
    };
    const answerMessage = createMessageAnswerer(answers, surroundings, arrivalOf(call), (cause) =>
      stream.finish(cause),
    );
    const stream = answerStream(call, limits, (bytes, reply) => {
      facts.messages = (facts.messages ?? 0) + 1;
      answerMessage(bytes, reply);
    });
    open.add(stream);
    await stream.ended.finally(() => open.delete(stream));
  }

  return {
    handler: (call) =>
      void runCall(surroundings, 'Session', {
        work: (facts) => conduct(call, facts),
        done: () => call.end(),
        refused: (error) => call.emit('error', grpcStatus(error)),
      }),
    end() {
      isStopping = true;
      for (const stream of open) stream.finish(stopping());
    },
  };
}

/** What every message of a stream arrives with. The certificate is read once: it is the connection's. */
function arrivalOf(call: Stream): Arrival {
  const authContext = call.getAuthContext();
  return {
    metadata: call.metadata,
    getAuthContext: () => authContext,
    getDeadline: () => call.getDeadline(),
  };
}

function stopping(): ServiceError {
  const message =
    'this server is being stopped: open a stream to another, repeat what has no answer';
  return new ServiceError('SERVER_STOPPING', message, { retryAfterMs: 0 });
}
