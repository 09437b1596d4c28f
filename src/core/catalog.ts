/** Whose an entry of the catalog is: an organization's own, or the platform's, which organizations inherit. */
export type CatalogSource = 'OWN' | 'PLATFORM';

/** What may be done with a model. DEPRECATED says only that its users should change to another one. */
export const modelStates = ['ACTIVE', 'DEPRECATED', 'DISABLED'] as const;
export type ModelState = (typeof modelStates)[number];

/** A model of the catalog. */
export interface Model {
  readonly id: string;
  readonly displayName: string;
  /** Calls of a disabled model are denied. */
  readonly state: ModelState;
  readonly provider: string | undefined;
  /** The rank that `max_tier` is compared with; undefined is below every ceiling. */
  readonly tierRank: number | undefined;
  readonly groups: readonly string[];
  readonly defaultOutputTokens: bigint | undefined;
  readonly contextWindow: bigint | undefined;
}

/** The display name of a model label; the label itself needs no record. */
export interface ModelGroup {
  readonly id: string;
  readonly displayName: string;
  readonly description: string;
}

/** A name that stands for several models, of which the gateway picks one. */
export interface RouteGroup {
  readonly id: string;
  readonly displayName: string;
  readonly members: readonly string[];
}

/** Whose price a revision is; the most specific one that is in force wins, in this order. */
export const priceScopes = ['KEY', 'PROVIDER_MODEL', 'MODEL'] as const;
export type PriceScope = (typeof priceScopes)[number];

/**
 * Prices of one context-length tier, in nano-USD per `PriceRevision.perTokens` tokens (per call for
 * `perRequest`). They apply when the call's input is above `aboveInputTokens`.
 */
export interface Rates {
  readonly aboveInputTokens: bigint;
  readonly input: bigint;
  readonly output: bigint;
  /** Undefined: the input price. */
  readonly cachedInput: bigint | undefined;
  /** Undefined: the input price. */
  readonly cacheWrite: bigint | undefined;
  /** Of the part of the cache writes that is kept for an hour. Undefined: the cache-write price. */
  readonly cacheWrite1h: bigint | undefined;
  /** Of the reasoning part of the output. Undefined: the output price. */
  readonly reasoningOutput: bigint | undefined;
  readonly perRequest: bigint;
  /** By name, each once. A call with a unit that is not among them is unpriced. */
  readonly units: readonly UnitRate[];
}

/** What one unit that is no token costs. */
export interface UnitRate {
  readonly name: string;
  /** Nano-USD for 1,000,000 of the unit, whatever `perTokens` is: as exact as the rates of tokens. */
  readonly rate: bigint;
}

/**
 * As of which changes a call is priced: prices appended later, or revoked by then, do not count. Own and platform prices
 * count the changes of the organization and of the platform.
 */
export interface PriceEpochs {
  readonly own: number;
  /** 0: the organization did not inherit the platform's prices. */
  readonly platform: number;
}

/** What a price is for; its revisions are numbered together, and of them one is in force. */
export interface PriceSeries {
  readonly scope: PriceScope;
  /** `key:openai:prod` | `ollama:gemma4:e2b` | `gpt-4o`. */
  readonly subject: string;
  /** The class of service that it is for. Undefined: every class that has no price of its own in the scope. */
  readonly serviceTier: string | undefined;
}

/** One append-only price. In force from `epoch` (and `effectiveAtMs`) until `revokedEpoch` or a later revision. */
export interface PriceRevision extends PriceSeries {
  /** Counts up in its series. */
  readonly revision: number;
  readonly perTokens: 1_000n | 1_000_000n;
  /** Ascending by `aboveInputTokens`; the first is above 0. Rates are exact to 1e-9 USD per `perTokens`. */
  readonly rates: readonly Rates[];
  readonly effectiveAtMs: number;
  /** The epoch of its organization, or of the platform, at which it was appended. */
  readonly epoch: number;
  readonly revokedEpoch: number | undefined;
  readonly reason: string;
}
