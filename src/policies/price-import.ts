import type { PriceRevision } from '../core/catalog.ts';

/** The prices of a list that an organization is to have, and those that it cannot have. */
export interface PriceImport {
  /** What was read: a package and its version, or the digest of a text. */
  readonly source: string;
  readonly offers: readonly PriceOffer[];
  readonly skipped: readonly SkippedPrice[];
}

/** What a list calls a price, and what of it found no place. */
export interface ListedAs {
  readonly provider: string;
  readonly model: string;
  /** Parts of the price that have no place in a revision, as the list names them. */
  readonly leftOut: readonly string[];
  /** Parts that were rounded to a billionth of a dollar per million tokens. */
  readonly rounded: readonly string[];
}

/** A price of a list; several of one subject differ in their time. */
export interface PriceOffer extends Pick<
  PriceRevision,
  'scope' | 'subject' | 'serviceTier' | 'perTokens' | 'rates'
> {
  readonly listed: ListedAs;
  /** From when it holds; undefined: from the import on. */
  readonly fromMs: number | undefined;
}

/** Why a price of a list is not imported. */
export const skipReasons = [
  'NO_PRICE',
  'TIME_OF_DAY',
  'MODE',
  'FREE',
  'AMBIGUOUS',
  'NAME',
  'INVALID',
] as const;
export type SkipReason = (typeof skipReasons)[number];

/** A price of a list that is not imported, and the part of the list that made it so. */
export interface SkippedPrice {
  readonly listed: ListedAs;
  readonly subject: string;
  readonly serviceTier: string | undefined;
  readonly reason: SkipReason;
  readonly detail: string;
}
