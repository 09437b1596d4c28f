import { create } from '@bufbuild/protobuf';
import {
  CostPartKind,
  OpenHoldSchema,
  PriceCallResponseSchema,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import type {
  OpenHold as HoldMessage,
  PriceCallRequest,
  PriceCallResponse,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import { formatUnitRate } from '../../core/amount.ts';
import { parseMeterName } from '../../core/meter.ts';
import { saturated } from '../../core/totals.ts';
import type { OpenHold } from '../../service/admin/list-holds.ts';
import type { CallToPrice, PricedParts } from '../../service/admin/price-call.ts';
import { readRequests, servedFromMessage, subjectsFromMessage, usageFromMessage } from '../call.ts';
import { readId } from '../fields.ts';
import { meterToMessage } from '../meter.ts';
import { priceRevisionToMessage } from '../price-revision.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { readInstant } from './fields.ts';

/** Writes an open hold. */
export function holdToMessage(hold: OpenHold): HoldMessage {
  return create(OpenHoldSchema, {
    requestId: hold.requestId,
    meters: hold.meters.flatMap((name) => {
      const meter = parseMeterName(name);
      return meter === undefined ? [] : [meterToMessage(meter)];
    }),
    target: hold.target,
    heldCostNanos: hold.cost,
    heldInputTokens: hold.input,
    heldOutputTokens: hold.output,
    requestCount: hold.requests,
    checkTime: timestampOf(hold.checkedAtMs),
    expireTime: timestampOf(hold.expiresAtMs),
  });
}

/** Reads a call whose price is asked for. */
export function callToPrice(
  violations: Violations,
  orgId: string,
  request: PriceCallRequest,
): CallToPrice {
  const requests = readRequests(violations, 'requests', request.requests);
  const usage = usageFromMessage(violations, 'usage', request.usage, requests);
  if (request.usage?.costNanos !== undefined) {
    violations.add('usage.cost_nanos', 'must be absent: it would replace the price');
  }
  return {
    orgId,
    subjects: subjectsFromMessage(violations, 'subjects', request.subjects),
    target: readId(violations, 'target', request.target),
    served: servedFromMessage(violations, request),
    usage: { ...usage, cost: undefined },
    atMs: readInstant(violations, 'price_time', request.priceTime),
  };
}

/** Writes what a call costs. */
export function pricedCallToMessage(found: PricedParts): PriceCallResponse {
  const { priced, model = '', parts, aboveInputTokens } = found;
  const { priceRevision } = priced;
  return create(PriceCallResponseSchema, {
    costNanos: saturated(priced.cost),
    ...(priceRevision === undefined
      ? {}
      : { priceRevision: priceRevisionToMessage(priceRevision) }),
    unpriced: priced.unpriced,
    model,
    aboveInputTokens,
    parts: parts.map(({ kind, unit = '', quantity, rate, amount }) => ({
      kind: CostPartKind[kind],
      unit,
      quantity,
      rate: rate === undefined ? '' : formatUnitRate(rate),
      amount: formatUnitRate(amount),
    })),
  });
}
