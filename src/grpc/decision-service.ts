import type { UntypedHandleCall } from '@grpc/grpc-js';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { DataPlane } from '../service/data-plane.ts';
import { batchAnswer } from './batch-report.ts';
import { decisionAnswers } from './decision-answers.ts';
import { createSessions } from './session.ts';
import type { SessionLimits } from './session.ts';
import { surround } from './surround.ts';
import type { Surroundings } from './surround.ts';

/** What answers the calls of `tollgate.v1.DecisionService`. */
export interface Decisions {
  /** By method. */
  readonly handlers: Record<keyof typeof DecisionService.method, UntypedHandleCall>;
  /** Ends open Sessions once what they asked is answered, and refuses new ones. */
  endSessions(): void;
}

/** Creates the handlers of `tollgate.v1.DecisionService`. */
export function createDecisions(
  dataPlane: DataPlane,
  surroundings: Surroundings & SessionLimits,
): Decisions {
  const { method } = DecisionService;
  const answers = decisionAnswers(dataPlane);
  const sessions = createSessions(answers, surroundings);
  const batch = batchAnswer(dataPlane, answers, surroundings);
  return {
    handlers: {
      check: surround(surroundings, method.check, answers.check),
      report: surround(surroundings, method.report, answers.report),
      release: surround(surroundings, method.release, answers.release),
      extend: surround(surroundings, method.extend, answers.extend),
      explain: surround(surroundings, method.explain, answers.explain),
      listTargets: surround(surroundings, method.listTargets, answers.listTargets),
      batchReport: surround(surroundings, method.batchReport, batch),
      session: sessions.handler,
    },
    endSessions: () => sessions.end(),
  };
}
