import { create } from '@bufbuild/protobuf';
import {
  AdjustUsageResponseSchema,
  ResetUsageResponseSchema,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import type {
  AdjustUsageRequest,
  AdjustUsageResponse,
  ResetUsageResponse,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import { parseMeterName } from '../../core/meter.ts';
import type { Metric } from '../../core/policy.ts';
import { maxInt64 } from '../../core/totals.ts';
import { noUnits } from '../../core/units.ts';
import type { ChangedUsage } from '../../core/usage-change.ts';
import type { Adjustment } from '../../service/admin/adjust-usage.ts';
import { servedFromMessage, subjectsFromMessage } from '../call.ts';
import { readId, readRequestId } from '../fields.ts';
import { meterToMessage } from '../meter.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { isTooLong, readEnum, readInstant } from './fields.ts';
import { sumsToMessage } from './usage-queries.ts';

/** In the order of the proto's numbers. */
const resettable = ['COST', 'TOKENS', 'INPUT_TOKENS', 'OUTPUT_TOKENS', 'REQUESTS'] as const;

/** Reads a credit or a charge. */
export function adjustmentFromMessage(
  violations: Violations,
  request: AdjustUsageRequest,
): Adjustment {
  const amounts = readAmounts(violations, request);
  const { callRequestId, subjects, target, provider, serviceTier, bookTime } = request;
  if (callRequestId !== undefined) {
    const callId = readRequestId(violations, 'call_request_id', callRequestId);
    const others = { subjects, provider, service_tier: serviceTier, book_time: bookTime };
    for (const [field, value] of Object.entries(others)) {
      if (value !== undefined) violations.add(field, 'must be absent beside call_request_id');
    }
    if (target !== '') violations.add('target', 'must be absent beside call_request_id');
    return { callId, amounts };
  }
  if (subjects === undefined) violations.add('subjects', 'or call_request_id must be present');
  return {
    callId: undefined,
    amounts,
    subjects: subjectsFromMessage(violations, 'subjects', subjects),
    target: target === '' ? '' : readId(violations, 'target', target),
    served: servedFromMessage(violations, request),
    bookAtMs: readInstant(violations, 'book_time', bookTime),
  };
}

function readAmounts(
  violations: Violations,
  { costNanos, inputTokens, outputTokens }: AdjustUsageRequest,
): Adjustment['amounts'] {
  const amounts = { cost_nanos: costNanos, input_tokens: inputTokens, output_tokens: outputTokens };
  for (const [field, amount] of Object.entries(amounts)) {
    // Its negative must be an int64 too.
    if (amount < -maxInt64) violations.add(field, `must be ${-maxInt64} or more`);
  }
  if (Object.values(amounts).every((amount) => amount === 0n)) {
    violations.add('cost_nanos', 'must not be 0 where input_tokens and output_tokens are');
  }
  return { cost: costNanos, input: inputTokens, output: outputTokens };
}

/** Reads which metrics are reset; none: all. */
export function readMetrics(violations: Violations, numbers: readonly number[]): readonly Metric[] {
  if (isTooLong(violations, 'metrics', numbers, resettable.length)) return [];
  return numbers.map((number, at) =>
    readEnum(violations, `metrics[${at}]`, number, resettable, undefined),
  );
}

/** Notes a change without a reason, where it must have one. */
export function requireReason(violations: Violations, reason: string): void {
  if (reason.trim() === '') violations.add('reason', 'must not be empty');
}

/** Writes what was booked. */
export function adjustedToMessage({ bookedAtMs, meters }: ChangedUsage): AdjustUsageResponse {
  return create(AdjustUsageResponseSchema, {
    bookTime: timestampOf(bookedAtMs),
    meters: meters.flatMap((name) => {
      const meter = parseMeterName(name);
      return meter === undefined ? [] : [meterToMessage(meter)];
    }),
  });
}

/** Writes what a reset took from the meter. */
export function resetToMessage({ amounts, requests }: ChangedUsage): ResetUsageResponse {
  return create(ResetUsageResponseSchema, {
    reset: sumsToMessage({
      cost: -amounts.cost,
      input: -amounts.input,
      output: -amounts.output,
      requests: -requests,
      units: noUnits,
    }),
  });
}
