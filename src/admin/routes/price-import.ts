import type { HandlerContext } from '@connectrpc/connect';
import type {
  ImportPricesRequest,
  ImportPricesResponse,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type { Clock } from '../../platform/clock.ts';
import { checkDeadline } from '../../platform/deadline.ts';
import { createFairSemaphore } from '../../platform/fair-semaphore.ts';
import { ServiceError, invalidFields } from '../../platform/service-error.ts';
import { createSlices } from '../../platform/slices.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { builtInPrices } from '../../price-lists/built-in-prices.ts';
import { modelPricesJson } from '../../price-lists/model-prices-json.ts';
import { selectPrices } from '../../price-lists/select-prices.ts';
import { readPage } from '../../wire/admin/fields.ts';
import {
  priceImportToMessage,
  priceSelectionFromMessage,
  priceSourceFromMessage,
  priceSubjectFault,
} from '../../wire/admin/price-import.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callOf } from '../http/call.ts';
import { authorize } from './caller.ts';
import { readChange, readOrgId } from './changes.ts';

/** The most prices that one change may write: the organization waits for it. */
const maxPrices = 5000;

/** How long a price list may be read in one turn of the event loop. */
const sliceMs = 10;
/** Price lists that are read at once; one caller may read half of them. */
const maxReading = 2;
const maxWaiting = 16;

/**
 * Compares a price list with the prices in force and imports what differs. See `CatalogService.ImportPrices`.
 * A list may take a second to read: it is read in slices, and of one caller one list at a time.
 */
export function createImportPrices(store: PolicyStore, clock: Clock) {
  const gate = createFairSemaphore({ most: maxReading, mostWaiting: maxWaiting, full: tooMany });
  return async function importPrices(
    request: ImportPricesRequest,
    context: HandlerContext,
  ): Promise<ImportPricesResponse> {
    const orgId = readOrgId(request.orgId);
    const caller = authorize(context, 'write', orgId);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'any');
    const page = readPage(violations, request);
    if (page.token !== undefined && !request.validateOnly) {
      violations.add('page_token', 'is only for validate_only');
    }
    const text = priceSourceFromMessage(violations, request);
    const selection = priceSelectionFromMessage(violations, request);
    violations.throwIfAny();
    const { deadlineMs } = callOf(context.values);
    const answer = await gate.pass(caller.name, async () => {
      const slices = createSlices(sliceMs, () => checkDeadline(deadlineMs));
      const nowMs = clock.nowMs();
      const list = await (text === undefined
        ? builtInPrices(nowMs)
        : modelPricesJson(text, slices));
      const prices = await selectPrices(list, selection, priceSubjectFault, slices);
      const found = prices.offers.length;
      if (found > maxPrices) {
        const description = `names ${found} prices, at most ${maxPrices} at once: choose providers or models`;
        throw invalidFields([{ field: 'source', description }]);
      }
      return store.importPrices(orgId, prices, page, by);
    });
    return priceImportToMessage(answer);
  };
}

function tooMany(): ServiceError {
  const message = `a caller may have at most ${maxWaiting} price lists waiting`;
  return new ServiceError('RESOURCE_EXHAUSTED', 'OVERLOADED', message, { retryAfterMs: 1000 });
}
