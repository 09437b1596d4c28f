import { toJson } from '@bufbuild/protobuf';
import {
  CheckResponseSchema,
  ExtendResponseSchema,
  ReleaseResponseSchema,
  ReportResponseSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, HoldState } from '../../gen/tollgate/v1/outcome_pb.ts';
import { TwoAnswers } from './gate.ts';
import type { Answer, Attempt, Gate, Operation, Refused, Way } from './gate.ts';
import type { Journal } from './journal.ts';
import type { ReferenceCall } from './reference.ts';
import type { ReplicaIndex } from './replica.ts';
import { reasonName } from './reasons.ts';
import { switched } from './tenants.ts';

/** What callers must tolerate in a round, as its faults say. */
export interface Bearing {
  /** Replicas whose answers may not come at all: they are paused, or their callers cannot reach them. */
  readonly silent: ReadonlySet<ReplicaIndex>;
  /** Replicas that may find the store away. */
  readonly storeless: ReadonlySet<ReplicaIndex>;
  /** Whether the policy of `switched` lets calls pass, where one was in force since an instant (`performance.now`). */
  isOpenSince(sinceMs: number): boolean | undefined;
}

/** Asks replicas, and judges each answer by itself. */
export interface Asker {
  /** One try. A refusal that leaves in doubt whether it happened is distinguished from one that says it did not. */
  tryOnce(
    replica: ReplicaIndex,
    operation: Operation,
    way: Way,
    promise: Promises,
  ): Promise<Answer | Refused | InDoubt>;
}

/** It is not known whether it happened. */
export interface InDoubt {
  readonly case: 'doubt';
}

/** What holds of the answer beside what the contract says of all. */
export interface Promises {
  readonly call: ReferenceCall;
  /** Nobody has sent this before, so it is not a replay. */
  readonly isFirst: boolean;
  /** The first time that it was sent, by the real clock: no decision on it is older. */
  readonly firstSentMs: number;
}

/** How far a decision may seem to lie outside the time of its call: the two clocks are read at different moments. */
const clockToleranceMs = 250;

/** After these a caller asks again: this try, or one before it, may have happened. */
const doubtfulCodes = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'RESOURCE_EXHAUSTED'];

/** Asks through gates, and writes down what it sees. */
export function createAsker(
  gates: readonly [Gate, Gate],
  journal: Journal,
  bearing: Bearing,
): Asker {
  function judgeRefusal(replica: ReplicaIndex, refused: Refused): Refused | InDoubt {
    const { code, reason, message } = refused;
    const isSilence = code === 'DEADLINE_EXCEEDED' && reason === undefined;
    if (isSilence && !bearing.silent.has(replica)) {
      journal.violated('a replica that runs answers in time', `replica ${replica}: ${message}`);
    }
    // grpc-js calls a connection that broke in the middle of an answer INTERNAL.
    const isBroken = code === 'INTERNAL' && reason === undefined && bearing.silent.has(replica);
    if (!doubtfulCodes.includes(code) && !isBroken) return refused;
    journal.counts.unavailable += 1;
    const name = `${code} ${reason ?? 'unsaid'}`;
    journal.refusals.set(name, (journal.refusals.get(name) ?? 0) + 1);
    return { case: 'doubt' };
  }

  function judgeAnswer(
    replica: ReplicaIndex,
    answer: Answer,
    sentMs: number,
    promises: Promises,
  ): void {
    const { call, isFirst } = promises;
    journal.counts.answered += 1;
    const said = (): string => `replica ${replica}, ${call.requestId}: ${textOf(answer)}`;
    if (isFirst && answer.value.replayed) {
      journal.violated('a call that was sent once is not answered as a replay', said());
    }
    if (answer.case !== 'check' && answer.case !== 'extend') return;
    const { outcome } = answer.value;
    if (answer.case === 'check' && answer.value.degraded) {
      journal.counts.degraded += 1;
      const mayBe = call.tenant.failsOpen && bearing.storeless.has(replica);
      if (!mayBe) journal.violated('only a store that is away lets calls pass unheld', said());
      return;
    }
    if (outcome?.decision === Decision.DENY) {
      journal.counts.denied += 1;
      const reasons = outcome.reasons.map(reasonName);
      const isForeseen = reasons.every((reason) => call.tenant.deniedFor.includes(reason));
      if (!isForeseen) journal.violated('a denial has a reason that holds', said());
    }
    if (answer.value.replayed) return;
    if (call.tenant === switched && isFirst && answer.case === 'check') {
      const isOpen = bearing.isOpenSince(sentMs);
      const isAllowed = outcome?.decision === Decision.ALLOW;
      if (isOpen !== undefined && isOpen !== isAllowed) {
        journal.violated('a change of policy binds the next call', said());
      }
    }
    const { seconds = 0n, nanos = 0 } = outcome?.decideTime ?? {};
    const decidedMs = Number(seconds) * 1000 + nanos / 1_000_000;
    const beforeMs = promises.firstSentMs - decidedMs;
    const afterMs = decidedMs - Date.now();
    if (Math.max(beforeMs, afterMs) > clockToleranceMs) {
      const by = `by ${Math.round(Math.max(beforeMs, afterMs))} ms`;
      journal.violated('a call is decided while it is asked', `${by}: ${said()}`);
    }
  }

  return {
    async tryOnce(replica, operation, way, promises) {
      journal.counts.asked += 1;
      const sentMs = performance.now();
      let attempt: Attempt;
      try {
        attempt = await gates[replica].ask(operation, way);
      } catch (cause) {
        if (!(cause instanceof TwoAnswers)) throw cause;
        journal.violated(
          'one Report has one answer',
          `${promises.call.requestId}: ${cause.message}`,
        );
        return { case: 'doubt' };
      }
      const { result } = attempt;
      if (result.case === 'refused') return judgeRefusal(replica, result);
      judgeAnswer(replica, result, sentMs, promises);
      return result;
    },
  };
}

/**
 * An answer as text, without saying whether it is a replay and what has become of the hold by now: the same for a call's
 * first answer and all others.
 */
export function textOf(answer: Answer): string {
  switch (answer.case) {
    case 'check':
      return JSON.stringify(
        toJson(CheckResponseSchema, {
          ...answer.value,
          replayed: false,
          holdState: HoldState.UNSPECIFIED,
        }),
      );
    case 'report':
      return JSON.stringify(toJson(ReportResponseSchema, { ...answer.value, replayed: false }));
    case 'release':
      return JSON.stringify(toJson(ReleaseResponseSchema, { ...answer.value, replayed: false }));
    case 'extend':
      return JSON.stringify(toJson(ExtendResponseSchema, { ...answer.value, replayed: false }));
  }
}
