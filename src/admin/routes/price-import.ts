import type { HandlerContext } from '@connectrpc/connect';
import type {
  ImportPricesRequest,
  ImportPricesResponse,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type { Clock } from '../../platform/clock.ts';
import { invalidFields } from '../../platform/service-error.ts';
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
import { authorize } from './caller.ts';
import { readChange, readOrgId } from './changes.ts';

/** The most prices that one change may write: the organization waits for it. */
const maxPrices = 10_000;

/** Compares a price list with the prices in force and imports what differs. See `CatalogService.ImportPrices`. */
export function createImportPrices(store: PolicyStore, clock: Clock) {
  return async function importPrices(
    request: ImportPricesRequest,
    context: HandlerContext,
  ): Promise<ImportPricesResponse> {
    const orgId = readOrgId(request.orgId);
    authorize(context, 'write', orgId);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'any');
    const page = readPage(violations, request);
    if (page.token !== undefined && !request.validateOnly) {
      violations.add('page_token', 'is only for validate_only');
    }
    const text = priceSourceFromMessage(violations, request);
    const selection = priceSelectionFromMessage(violations, request);
    violations.throwIfAny();
    const list = text === undefined ? await builtInPrices(clock.nowMs()) : modelPricesJson(text);
    const prices = selectPrices(list, selection, priceSubjectFault);
    const found = prices.offers.length;
    if (found > maxPrices) {
      const description = `names ${found} prices, at most ${maxPrices} at once: choose providers or models`;
      throw invalidFields([{ field: 'source', description }]);
    }
    return priceImportToMessage(await store.importPrices(orgId, prices, page, by));
  };
}
