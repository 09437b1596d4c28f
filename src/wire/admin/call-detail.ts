import { create } from '@bufbuild/protobuf';
import {
  CallEntrySchema,
  CallExtendSchema,
  CallSchema,
  CallSettlementSchema,
  DecidingPolicySchema,
} from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import type { Call, CallEntry, CallSettlement } from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import { saturated } from '../../core/totals.ts';
import type {
  CallEntry as KeptEntry,
  KeptCall,
  KeptSettlement,
} from '../../service/admin/calls.ts';
import { explanationOf } from '../explanation.ts';
import { limitToMessage } from '../limit.ts';
import { subjectToMessage } from '../meter.ts';
import { outcomeToMessage } from '../outcome.ts';
import { priceRevisionToMessage } from '../price-revision.ts';
import { timestampOf } from '../time.ts';
import { unitsToMessage } from '../units.ts';
import { callSummaryToMessage } from './calls.ts';
import { eventToMessage } from './events.ts';

/** Writes a call with all that is kept of it. */
export function callToMessage(call: KeptCall): Call {
  const { outcome, settlement, expiresAtMs } = call;
  return create(CallSchema, {
    summary: callSummaryToMessage(call),
    asked: call.asked,
    ...(outcome === undefined
      ? {}
      : { outcome: outcomeToMessage(outcome, 'ALL'), explanation: explanationOf(outcome) }),
    ...priceOf(outcome?.priceRevision),
    epoch: BigInt(call.epoch),
    policies: call.policies.map(({ subject, revision }) =>
      create(DecidingPolicySchema, {
        subject: subjectToMessage(subject),
        revision: BigInt(revision),
      }),
    ),
    ...(expiresAtMs === undefined ? {} : { expireTime: timestampOf(expiresAtMs) }),
    extends: call.extends.map((one) =>
      create(CallExtendSchema, {
        sequence: one.sequence,
        asked: one.asked,
        outcome: outcomeToMessage(one.outcome, 'ALL'),
      }),
    ),
    ...(settlement === undefined ? {} : { settlement: settlementToMessage(settlement) }),
    entries: call.entries.map(entryToMessage),
    events: call.events.map(eventToMessage),
    children: call.children.map(callSummaryToMessage),
  });
}

function priceOf(kept: string | undefined) {
  return kept === undefined ? {} : { priceRevision: priceRevisionToMessage(kept) };
}

function settlementToMessage({ usage, ...said }: KeptSettlement): CallSettlement {
  return create(CallSettlementSchema, {
    asked: said.asked,
    costNanos: usage.cost,
    inputTokens: usage.input,
    outputTokens: usage.output,
    cachedInputTokens: usage.cachedInput,
    cacheWriteTokens: usage.cacheWrite,
    cacheWrite1hTokens: usage.cacheWrite1h,
    reasoningOutputTokens: usage.reasoningOutput,
    units: unitsToMessage(usage.units),
    target: usage.target.name,
    provider: usage.served.provider ?? '',
    serviceTier: usage.served.serviceTier ?? '',
    ...priceOf(usage.priceRevision),
    overHold: said.overHold,
    late: said.late,
    postPaid: said.postPaid,
    unattributed: said.unattributed,
    usageAssumed: said.usageAssumed,
    unpriced: usage.unpriced,
    warnings: said.warnings.map(limitToMessage),
  });
}

function entryToMessage(entry: KeptEntry): CallEntry {
  return create(CallEntrySchema, {
    kind: entry.kind,
    recordTime: timestampOf(entry.recordedAtMs),
    bookTime: timestampOf(entry.bookedAtMs),
    costNanos: saturated(entry.cost),
    inputTokens: saturated(entry.input),
    outputTokens: saturated(entry.output),
    requestCount: entry.requests,
    units: unitsToMessage(entry.units),
  });
}
