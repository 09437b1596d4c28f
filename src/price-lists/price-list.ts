import type { Rates } from '../core/catalog.ts';
import type { SkipReason } from '../policies/price-import.ts';

/**
 * A list of prices as somebody publishes it, read: what of it can be priced here, and what cannot and why. Reading
 * writes nothing and makes no requests. A document that cannot be read at all is FIELD_INVALID; a single price that
 * cannot is skipped, since a list of thousands always has some.
 */
export interface PriceList {
  /** What was read: a package and its version, or the digest of a text. */
  readonly source: string;
  readonly models: readonly ListedModel[];
}

/** One model of a list. */
export interface ListedModel {
  /** As the list names it; empty if it names none. */
  readonly provider: string;
  /** As the list names it. */
  readonly model: string;
  /** The class of service that the price is for, `flex`; undefined: none in particular. */
  readonly serviceTier: string | undefined;
  /** What holds now, then what is announced, by ascending time; empty if it is skipped. */
  readonly steps: readonly PriceStep[];
  readonly skipped: Skipped | undefined;
  /** Parts of the price that have no place in a revision and were left out, as the list names them. */
  readonly leftOut: readonly string[];
  /** Parts that were rounded to a billionth of a dollar per million tokens. */
  readonly rounded: readonly string[];
}

/** Rates per 1,000,000 tokens, as `PriceRevision` has them, from an instant on; undefined: now. */
export interface PriceStep {
  readonly fromMs: number | undefined;
  readonly rates: readonly Rates[];
}

/** A price that is not imported, and the part of the list that made it so. */
export interface Skipped {
  readonly reason: SkipReason;
  readonly detail: string;
}
