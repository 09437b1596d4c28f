import type { ServiceImpl } from '@connectrpc/connect';
import {
  ModelGroupSchema,
  ModelSchema,
  RouteGroupSchema,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type { CatalogService, ModelGroup } from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { PriceScope } from '../../../gen/tollgate/v1/call_pb.ts';
import type { Clock } from '../../platform/clock.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import {
  listedModelGroupToMessage,
  modelFromMessage,
  modelGroupFromMessage,
  modelGroupToMessage,
  modelToMessage,
  routeGroupFromMessage,
  routeGroupToMessage,
} from '../../wire/admin/catalog.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import {
  priceFromMessage,
  priceToMessage,
  readPriceRevision,
  readPriceSubject,
  revokedPriceToMessage,
} from '../../wire/admin/prices.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { catalogLists } from './catalog-lists.ts';
import { readChange } from './changes.ts';
import { readOwner } from './owner.ts';
import { importPricesRoute } from './price-import.ts';
import { deletionOf, recordMethods } from './records.ts';

const maxPrices = 200;

/** Keys belong to organizations. */
function refuseKeyPrices(
  violations: Violations,
  prices: readonly { readonly scope: PriceScope }[],
): void {
  for (const [index, { scope }] of prices.entries()) {
    if (scope !== PriceScope.KEY) continue;
    violations.add(`prices[${index}].scope`, 'must not be KEY: the platform has no keys');
  }
}

/** Models, route groups and prices. */
export function catalogRoutes(
  store: PolicyStore,
  clock: Clock,
): ServiceImpl<typeof CatalogService> {
  const models = recordMethods(store, {
    kind: 'model',
    desc: ModelSchema,
    field: 'model',
    read: modelFromMessage,
    write: modelToMessage,
  });
  const groups = recordMethods(store, {
    kind: 'route_group',
    desc: RouteGroupSchema,
    field: 'route_group',
    read: routeGroupFromMessage,
    write: routeGroupToMessage,
  });
  const labels = recordMethods(store, {
    kind: 'model_group',
    desc: ModelGroupSchema,
    field: 'model_group',
    read: modelGroupFromMessage,
    write: modelGroupToMessage,
  });
  /** The count is of now: it belongs to the models, and not to the record that was read or written. */
  const counted = async (orgId: string, group: ModelGroup): Promise<ModelGroup> => {
    return { ...group, modelCount: await store.countModels(orgId, group.id) };
  };
  const deleteModel = deletionOf(store, 'model', modelToMessage);
  const deleteRouteGroup = deletionOf(store, 'route_group', routeGroupToMessage);
  const deleteModelGroup = deletionOf(store, 'model_group', modelGroupToMessage);
  return {
    createModel: async (request, context) => ({
      model: await models.create(request, request.model, context),
    }),
    getModel: async (request, context) => ({ model: await models.get(request, context) }),
    batchGetModels: async (request, context) => {
      const { records, missingIds } = await models.batchGet(request, context);
      return { models: records, missingIds };
    },
    async listModels(request, context) {
      const { records, page } = await models.list(request, context);
      return { models: records, ...page };
    },
    updateModel: async (request, context) => ({
      model: await models.update(request, request.model, context),
    }),
    deleteModel: async (request, context) => ({ model: await deleteModel(request, context) }),

    createRouteGroup: async (request, context) => ({
      routeGroup: await groups.create(request, request.routeGroup, context),
    }),
    getRouteGroup: async (request, context) => ({ routeGroup: await groups.get(request, context) }),
    batchGetRouteGroups: async (request, context) => {
      const { records, missingIds } = await groups.batchGet(request, context);
      return { routeGroups: records, missingIds };
    },
    async listRouteGroups(request, context) {
      const { records, page } = await groups.list(request, context);
      return { routeGroups: records, ...page };
    },
    updateRouteGroup: async (request, context) => ({
      routeGroup: await groups.update(request, request.routeGroup, context),
    }),
    deleteRouteGroup: async (request, context) => ({
      routeGroup: await deleteRouteGroup(request, context),
    }),

    createModelGroup: async (request, context) => ({
      modelGroup: await counted(
        request.orgId,
        await labels.create(request, request.modelGroup, context),
      ),
    }),
    getModelGroup: async (request, context) => ({
      modelGroup: await counted(request.orgId, await labels.get(request, context)),
    }),
    async listModelGroups(request, context) {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      violations.throwIfAny();
      const listed = await store.listModelGroups(orgId, page);
      return { modelGroups: listed.items.map(listedModelGroupToMessage), ...pageAnswer(listed) };
    },
    updateModelGroup: async (request, context) => ({
      modelGroup: await counted(
        request.orgId,
        await labels.update(request, request.modelGroup, context),
      ),
    }),
    deleteModelGroup: async (request, context) => ({
      modelGroup: await counted(request.orgId, await deleteModelGroup(request, context)),
    }),

    async appendPrices(request, context) {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const count = request.prices.length;
      if (count === 0 || count > maxPrices) {
        violations.add('prices', `must have 1 to ${maxPrices} entries`);
        violations.throwIfAny();
      }
      const change = { nowMs: clock.nowMs(), reason: by.reason };
      const prices = request.prices.map((price, index) =>
        priceFromMessage(violations, `prices[${index}]`, price, change),
      );
      if (request.platform) refuseKeyPrices(violations, request.prices);
      violations.throwIfAny();
      const stored = await store.appendPrices(orgId, prices, by);
      return { prices: stored.map(priceToMessage) };
    },

    ...catalogLists(store),

    async revokePrice(request, context) {
      const { orgId } = readOwner(request, context);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      const series = readPriceSubject(violations, '', request);
      const revision = readPriceRevision(violations, 'revision', request.revision);
      violations.throwIfAny();
      return revokedPriceToMessage(await store.revokePrice(orgId, series, revision, by));
    },

    importPrices: importPricesRoute(store, clock),
  };
}
