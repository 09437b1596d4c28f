import type { CatalogSource, PriceRevision, PriceScope } from '../core/catalog.ts';
import type { Listed } from '../platform/paging.ts';
import type { ListedAs, SkippedPrice } from './price-import.ts';

/** A price that is to be appended. */
export type NewPrice = Omit<PriceRevision, 'revision' | 'epoch' | 'revokedEpoch'>;

export interface StoredPrice {
  readonly price: PriceRevision;
  readonly source: CatalogSource;
  readonly actor: string;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | undefined;
  readonly revokedReason: string | undefined;
  readonly revokedBy: string | undefined;
}

/** Which price revisions a list has; undefined: all. */
export interface PriceFilter {
  readonly scope?: PriceScope | undefined;
  /** Exactly this one. */
  readonly subject?: string | undefined;
  readonly revoked?: boolean | undefined;
  readonly source?: CatalogSource | undefined;
}

/** A revision that has ended, and what prices the calls now that it was for. */
export interface RevokedPrice {
  readonly price: StoredPrice;
  /**
   * Of the same scope and subject the price without a service tier; of a provider's model that of the model. Undefined:
   * none, or it depends on the model that is called with the key.
   */
  readonly inForce: StoredPrice | undefined;
}

/** What an import does about a price of a list, in the order of an answer. */
export const importChanges = ['ADDED', 'CHANGED', 'SKIPPED', 'SAME'] as const;
export type ImportChange = (typeof importChanges)[number];

/** One price of a list, and what is done about it. */
export type ImportedPrice =
  | (SkippedPrice & { readonly change: 'SKIPPED' })
  | {
      readonly change: 'ADDED' | 'CHANGED' | 'SAME';
      readonly listed: ListedAs;
      readonly subject: string;
      readonly serviceTier: string | undefined;
      readonly fromMs: number | undefined;
      /** What holds afterwards. */
      readonly price: StoredPrice;
      /** What was in force before, of a price that is changed. */
      readonly before: StoredPrice | undefined;
    };

/** One page of what an import does, and how much it is altogether. */
export interface PriceImportAnswer extends Listed<ImportedPrice> {
  readonly source: string;
  readonly counts: Readonly<Record<ImportChange, number>>;
}
