import type { CatalogSource } from '../core/catalog.ts';
import type { Organization } from '../core/organization.ts';
import type { Subject } from '../core/subject.ts';
import type { StoredPrice } from './stored-price.ts';

/** One place that names a model. */
export type ModelUse =
  | { readonly kind: 'ROUTE_GROUP'; readonly id: string; readonly source: CatalogSource }
  | { readonly kind: 'PRICE'; readonly price: StoredPrice }
  | { readonly kind: 'ALLOW' | 'DENY'; readonly subject: Subject; readonly entry: string }
  | {
      readonly kind: 'LIMIT';
      readonly subject: Subject;
      readonly entry: string;
      readonly limit: string;
    };

/** How the catalog of an organization differs from the platform's. */
export interface CatalogDeviation {
  readonly orgId: string;
  readonly catalog: Organization['catalog'];
  /** Names that the platform has too; the first of them. */
  readonly replaced: readonly string[];
  readonly replacedCount: number;
  readonly addedCount: number;
  readonly priceCount: number;
}
