import type { ServiceImpl } from '@connectrpc/connect';
import type {
  CatalogService,
  ListPricesRequest,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { priceScopes } from '../../core/catalog.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { PriceFilter } from '../../policies/stored-price.ts';
import { catalogDeviationToMessage, modelUseToMessage } from '../../wire/admin/catalog-uses.ts';
import { readEnumOrNone, readIdOrNone } from '../../wire/admin/fields.ts';
import { readPage } from '../../wire/admin/page.ts';
import { priceToMessage } from '../../wire/admin/prices.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { callerForPlatform } from './caller.ts';
import { readOwner } from './owner.ts';

/** Lists about catalogs that are not of one kind of record. */
export function catalogLists(
  store: PolicyStore,
): Pick<
  ServiceImpl<typeof CatalogService>,
  'listPrices' | 'listModelUses' | 'listCatalogDeviations'
> {
  return {
    async listPrices(request, context) {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = readPriceFilter(violations, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listPrices(orgId, filter, page);
      return { prices: items.map(priceToMessage), nextPageToken: nextToken };
    },

    async listModelUses(request, context) {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listModelUses(orgId, id, page);
      return { uses: items.map(modelUseToMessage), nextPageToken: nextToken };
    },

    async listCatalogDeviations(request, context) {
      callerForPlatform(context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const name = readIdOrNone(violations, 'name', request.name);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listCatalogDeviations(name, page);
      return { deviations: items.map(catalogDeviationToMessage), nextPageToken: nextToken };
    },
  };
}

function readPriceFilter(
  violations: Violations,
  { scope, subject, state, source }: ListPricesRequest,
): PriceFilter {
  const found = readEnumOrNone(violations, 'state', state, ['ACTIVE', 'REVOKED']);
  return {
    scope: readEnumOrNone(violations, 'scope', scope, priceScopes),
    subject: readIdOrNone(violations, 'subject', subject),
    revoked: found === undefined ? undefined : found === 'REVOKED',
    source: readEnumOrNone(violations, 'source', source, ['OWN', 'PLATFORM']),
  };
}
