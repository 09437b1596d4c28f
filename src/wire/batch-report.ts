import type {
  BatchReportRequest,
  BatchReportResponse,
  BatchReportResult,
  ReportRequest,
  ReportResponse,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { ServiceError, invalidFields } from '../platform/service-error.ts';
import { readId } from './fields.ts';
import { statusToMessage } from './status.ts';
import { refuseOwnUnknownFields } from './unknown-fields.ts';
import { collectViolations } from './violations.ts';

/** The most reports of one batch. */
const mostReports = 1000;

/** Reads what concerns a batch as a whole; throws FIELD_INVALID with every fault of it. */
export function batchFromMessage(
  message: BatchReportRequest,
): Pick<BatchReportRequest, 'orgId' | 'reports'> {
  refuseOwnUnknownFields(message);
  const violations = collectViolations();
  const { length } = message.reports;
  const orgId = readId(violations, 'org_id', message.orgId);
  if (length === 0) violations.add('reports', 'must have at least one report');
  if (length > mostReports) violations.add('reports', `must have at most ${mostReports} reports`);
  violations.throwIfAny();
  return { orgId, reports: message.reports };
}

/** A report of a batch as it would come alone; FIELD_INVALID if it is of another organization. */
export function reportOfBatch(orgId: string, report: ReportRequest): ReportRequest {
  if (report.orgId === orgId) return report;
  if (report.orgId === undefined) return { ...report, orgId };
  const description = "must be absent or the batch's organization";
  throw invalidFields([{ field: 'org_id', description }]);
}

/** The answer to a batch, as it is sent. */
export function batchToMessage(
  results: readonly (ReportResponse | ServiceError)[],
): BatchReportResponse {
  return {
    $typeName: 'tollgate.v1.BatchReportResponse',
    results: results.map(resultToMessage),
  };
}

function resultToMessage(result: ReportResponse | ServiceError): BatchReportResult {
  return {
    $typeName: 'tollgate.v1.BatchReportResult',
    result:
      result instanceof ServiceError
        ? { case: 'error', value: statusToMessage(result) }
        : { case: 'report', value: result },
  };
}
