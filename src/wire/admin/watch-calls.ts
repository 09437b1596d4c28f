import { create } from '@bufbuild/protobuf';
import { WatchCallsResponseSchema } from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import type {
  WatchCallsRequest,
  WatchCallsResponse,
} from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import { reasons } from '../../core/reason.ts';
import type { WatchFilter, WatchMessage } from '../../service/admin/call-watcher.ts';
import type { Violations } from '../violations.ts';
import { callSummaryToMessage, decisions } from './calls.ts';
import { readEnumOrNone, readIdOrNone } from './fields.ts';
import { readSubject } from './policies.ts';

const defaultPerSecond = 20;
const mostPerSecond = 200;

/** Reads what is watched. */
export function watchFromMessage(
  violations: Violations,
  orgId: string,
  request: WatchCallsRequest,
): WatchFilter {
  const { subject, samplePercent, maxCallsPerSecond } = request;
  if (samplePercent < 0 || samplePercent > 100) {
    violations.add('sample_percent', 'must be 0 to 100');
  }
  if (maxCallsPerSecond < 0) violations.add('max_calls_per_second', 'must not be negative');
  return {
    orgId,
    subject: subject === '' ? undefined : readSubject(violations, 'subject', subject),
    target: readIdOrNone(violations, 'target', request.target),
    decision: readEnumOrNone(violations, 'decision', request.decision, decisions),
    reason: readEnumOrNone(violations, 'denial_reason', request.denialReason, reasons),
    samplePercent: samplePercent === 0 ? 100 : samplePercent,
    mostPerSecond:
      maxCallsPerSecond === 0 ? defaultPerSecond : Math.min(maxCallsPerSecond, mostPerSecond),
  };
}

/** Writes what a watcher is sent. */
export function watchedToMessage({ calls, dropped, missed }: WatchMessage): WatchCallsResponse {
  return create(WatchCallsResponseSchema, {
    calls: calls.map(callSummaryToMessage),
    droppedCount: BigInt(dropped),
    missedCount: BigInt(missed),
  });
}
