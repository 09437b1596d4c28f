import type {
  BatchReportRequestSchema,
  BatchReportResponseSchema,
  ReportRequest,
  ReportResponse,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { withinDeadline } from '../platform/deadline.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { CallContext, DataPlane } from '../service/data-plane.ts';
import { batchFromMessage, batchToMessage, reportOfBatch } from '../wire/batch-report.ts';
import { noteIds } from './decision-answers.ts';
import type { DecisionAnswers } from './decision-answers.ts';
import { runCall } from './surround.ts';
import type { Answer, Surroundings } from './surround.ts';

type Result = ReportResponse | ServiceError;

/** The answer to a BatchReport; each of its reports is logged and counted as a Report too. */
export function batchAnswer(
  dataPlane: DataPlane,
  answers: DecisionAnswers,
  surroundings: Surroundings,
): Answer<typeof BatchReportRequestSchema, typeof BatchReportResponseSchema> {
  return async (message, context, facts) => {
    noteIds(facts, message);
    const { orgId, reports } = batchFromMessage(message);
    const unreached = notReached();
    const results: Result[] = reports.map(() => unreached);
    await dataPlane.batchReport(
      {
        orgId,
        reports: reports.map((report, index) => ({
          requestId: report.requestId,
          report: (context) =>
            reportOne(answers, surroundings, context, orgId, report, (result) => {
              results[index] = result;
            }),
        })),
      },
      context,
    );
    const refused = results.filter((result) => result instanceof ServiceError).length;
    facts.batch = { reports: results.length, refused };
    return batchToMessage(results);
  };
}

function reportOne(
  answers: DecisionAnswers,
  surroundings: Surroundings,
  context: CallContext,
  orgId: string,
  report: ReportRequest,
  keep: (result: Result) => void,
): Promise<void> {
  return runCall(surroundings, 'Report', {
    work(facts) {
      facts.caller = context.caller.name;
      const work = async (): Promise<ReportResponse> =>
        answers.report(reportOfBatch(orgId, report), context, facts);
      return context.deadlineMs === undefined ? work() : withinDeadline(work, context.deadlineMs);
    },
    done: keep,
    refused: keep,
  });
}

/** One error for all reports of a batch that were not reached: a batch that runs out of time may have a thousand. */
function notReached(): ServiceError {
  const message = 'the time of the batch was over before this report: send it again';
  return new ServiceError('DEADLINE_EXCEEDED', message);
}
