import { create } from '@bufbuild/protobuf';
import {
  CatalogDeviationSchema,
  CatalogSource,
  ModelUseKind,
  ModelUseSchema,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CatalogRule } from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import { subjectText } from '../../core/subject.ts';
import type { CatalogDeviation, ModelUse } from '../../policies/catalog-uses.ts';
import { priceToMessage } from './prices.ts';

/** Writes a place that names a model. */
export function modelUseToMessage(use: ModelUse): messages.ModelUse {
  const kind = ModelUseKind[use.kind];
  switch (use.kind) {
    case 'ROUTE_GROUP':
      return create(ModelUseSchema, { kind, name: use.id, source: CatalogSource[use.source] });
    case 'PRICE': {
      const source = CatalogSource[use.price.source];
      return create(ModelUseSchema, { kind, source, price: priceToMessage(use.price) });
    }
    case 'ALLOW':
    case 'DENY':
      return create(ModelUseSchema, { kind, name: subjectText(use.subject), entry: use.entry });
    case 'LIMIT': {
      const { subject, entry, limit } = use;
      return create(ModelUseSchema, { kind, name: subjectText(subject), entry, limit });
    }
  }
}

/** Writes how the catalog of an organization differs from the platform's. */
export function catalogDeviationToMessage(of: CatalogDeviation): messages.CatalogDeviation {
  const { orgId, replacedCount, addedCount, priceCount } = of;
  return create(CatalogDeviationSchema, {
    orgId,
    catalog: CatalogRule[of.catalog],
    replaced: [...of.replaced],
    replacedCount,
    addedCount,
    priceCount,
  });
}
