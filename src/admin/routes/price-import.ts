import type { HandlerContext } from '@connectrpc/connect';
import type {
  ImportPricesRequest,
  ImportPricesResponse,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type { Clock } from '../../platform/clock.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { createImportPrices } from '../../service/admin/import-prices.ts';
import { readPage } from '../../wire/admin/page.ts';
import {
  priceImportToMessage,
  priceSelectionFromMessage,
  priceSourceFromMessage,
  priceSubjectFault,
} from '../../wire/admin/price-import.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callOf } from '../http/call.ts';
import { readChange } from './changes.ts';
import { readOwner } from './owner.ts';

/** See `CatalogService.ImportPrices`. */
export function importPricesRoute(store: PolicyStore, clock: Clock) {
  const importPrices = createImportPrices({ store, clock, subjectFault: priceSubjectFault });
  return async (
    request: ImportPricesRequest,
    context: HandlerContext,
  ): Promise<ImportPricesResponse> => {
    const { orgId, caller } = readOwner(request, context);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'any');
    // The list that is imported is part of the name of its pages.
    const page = readPage(violations, context.method.input, request, ['model_prices_json']);
    if (page.token !== undefined && !request.validateOnly) {
      violations.add('page_token', 'is only for validate_only');
    }
    const text = priceSourceFromMessage(violations, request);
    const selection = priceSelectionFromMessage(violations, request);
    violations.throwIfAny();
    const { deadlineMs } = callOf(context.values);
    const input = { orgId, text, selection, page, by, callerName: caller.name, deadlineMs };
    return priceImportToMessage(await importPrices(input));
  };
}
