import type { CallPath, Estimate, TargetFacts } from './call.ts';
import type { PriceEpochs, PriceRevision, PriceScope, Rates } from './catalog.ts';
import { costOf, lacksUnitRate } from './cost.ts';
import type { OrganizationView } from './organization-view.ts';
import type { ServedBy } from './served-by.ts';

/** What usage costs. */
export interface PricedCost {
  /** Nano-USD. */
  readonly cost: bigint;
  /** `MODEL gpt-4o 3`, `PLATFORM MODEL gpt-4o 3`: the revision it was priced with; undefined when the caller gave the cost, or there is none. */
  readonly priceRevision: string | undefined;
  /** The caller gave no cost, and no price is in force, or the one that is has no rate for a unit. */
  readonly unpriced: boolean;
  /** The price is zero in all its parts, or the caller said that the cost is 0. */
  readonly free: boolean;
}

/** What of a call decides on its price. */
export interface PricedCall {
  readonly path: CallPath;
  readonly target: TargetFacts;
  readonly served: ServedBy;
}

/**
 * Prices usage as of the changes up to some epochs and an instant. The caller's own cost wins. A route group costs what
 * its dearest member would; it is unpriced if any member is, or if it has none. A unit without a rate costs 0.
 */
export function priceUsage(
  view: OrganizationView,
  { path, target, served }: PricedCall,
  usage: Estimate,
  epochs: PriceEpochs,
  atMs: number,
): PricedCost {
  if (usage.cost !== undefined) {
    return { cost: usage.cost, priceRevision: undefined, unpriced: false, free: usage.cost === 0n };
  }
  const models = target.kind === 'ROUTE_GROUP' ? target.members : [target];
  const { serviceTier } = served;
  let dearest: PricedCost | undefined;
  let isFree = true;
  let isUnrated = false;
  for (const { name: model, provider: cataloged } of models) {
    const provider = served.provider ?? cataloged;
    const found = priceFor(view, { keys: path.keys, provider, model, serviceTier }, epochs, atMs);
    if (found === undefined) return unpriced;
    const { price } = found;
    const cost = costOf(price, usage);
    isFree &&= isZero(price);
    isUnrated ||= lacksUnitRate(price, usage);
    if (dearest !== undefined && cost <= dearest.cost) continue;
    dearest = { cost, priceRevision: revisionName(found), unpriced: false, free: false };
  }
  return dearest === undefined ? unpriced : { ...dearest, unpriced: isUnrated, free: isFree };
}

const unpriced: PricedCost = { cost: 0n, priceRevision: undefined, unpriced: true, free: false };

/** `MODEL gpt-4o 3`, `MODEL gpt-4o flex 1`, `PLATFORM MODEL gpt-4o 3`: no part of it contains a space. */
function revisionName({ price, isPlatform }: FoundPrice): string {
  const { scope, subject, serviceTier, revision } = price;
  const name =
    serviceTier === undefined
      ? `${scope} ${subject} ${revision}`
      : `${scope} ${subject} ${serviceTier} ${revision}`;
  return isPlatform ? `PLATFORM ${name}` : name;
}

/** A price in force, and whether it is the platform's. */
export interface FoundPrice {
  readonly price: PriceRevision;
  readonly isPlatform: boolean;
}

/** What of a call chooses its price. */
export interface PriceQuestion {
  readonly keys: readonly string[];
  readonly provider: string | undefined;
  readonly model: string;
  readonly serviceTier: string | undefined;
}

/**
 * The price in force: of a key on the path, else of the provider's model, else of the model; where the organization has
 * none of these, the platform's of the provider's model, else of the model. In each of these scopes the price for
 * the call's service tier comes before the one without.
 */
export function priceFor(
  view: Pick<OrganizationView, 'prices' | 'platformPrices'>,
  of: PriceQuestion,
  epochs: PriceEpochs,
  atMs: number,
): FoundPrice | undefined {
  const { keys, serviceTier } = of;
  const own: InScope = (scope, subject) =>
    tieredPrice((tier) => view.prices(scope, subject, tier), serviceTier, epochs.own, atMs);
  for (const key of keys) {
    const price = own('KEY', `key:${key}`);
    if (price !== undefined) return { price, isPlatform: false };
  }
  const ownPrice = priceOfModel(own, of);
  if (ownPrice !== undefined) return { price: ownPrice, isPlatform: false };
  if (epochs.platform === 0) return undefined;
  const price = priceOfModel(
    (scope, subject) =>
      tieredPrice(
        (tier) => view.platformPrices(scope, subject, tier),
        serviceTier,
        epochs.platform,
        atMs,
      ),
    of,
  );
  return price && { price, isPlatform: true };
}

type InScope = (scope: PriceScope, subject: string) => PriceRevision | undefined;

function priceOfModel(
  inScope: InScope,
  { provider, model }: PriceQuestion,
): PriceRevision | undefined {
  const ofProvider =
    provider === undefined ? undefined : inScope('PROVIDER_MODEL', `${provider}:${model}`);
  return ofProvider ?? inScope('MODEL', model);
}

/** The price for the service tier, else the one without. */
function tieredPrice(
  revisionsFor: (serviceTier: string | undefined) => readonly PriceRevision[],
  serviceTier: string | undefined,
  epoch: number,
  atMs: number,
): PriceRevision | undefined {
  const ofTier =
    serviceTier === undefined ? undefined : priceInForce(revisionsFor(serviceTier), epoch, atMs);
  return ofTier ?? priceInForce(revisionsFor(undefined), epoch, atMs);
}

/**
 * Of the revisions appended, effective and not revoked by then the one with the latest effective date, then the
 * newest. Older ones do not come back when the one in force is revoked: they are revoked with it.
 */
export function priceInForce(
  revisions: readonly PriceRevision[],
  epoch: number,
  atMs: number,
): PriceRevision | undefined {
  let newest: PriceRevision | undefined;
  for (const price of revisions) {
    if (price.epoch > epoch || price.effectiveAtMs > atMs) continue;
    if (price.revokedEpoch !== undefined && price.revokedEpoch <= epoch) continue;
    if (newest === undefined || isLater(price, newest)) newest = price;
  }
  return newest;
}

function isLater(a: PriceRevision, b: PriceRevision): boolean {
  if (a.effectiveAtMs !== b.effectiveAtMs) return a.effectiveAtMs > b.effectiveAtMs;
  return a.revision > b.revision;
}

/**
 * Whether two prices cost the same for whatever usage: rates that are left out count as what stands in for them,
 * and 1,000 and 1,000,000 tokens are distinguished by the money only.
 */
export function isSamePrice(
  a: Pick<PriceRevision, 'perTokens' | 'rates'>,
  b: Pick<PriceRevision, 'perTokens' | 'rates'>,
): boolean {
  return (
    a.rates.length === b.rates.length &&
    a.rates.every((rate, index) => {
      const other = b.rates[index];
      return other !== undefined && isSameRates(rate, b.perTokens, other, a.perTokens);
    })
  );
}

/** Compares two rates, each times the other's tokens. */
function isSameRates(a: Rates, timesA: bigint, b: Rates, timesB: bigint): boolean {
  return (
    a.aboveInputTokens === b.aboveInputTokens &&
    a.perRequest === b.perRequest &&
    a.input * timesA === b.input * timesB &&
    a.output * timesA === b.output * timesB &&
    (a.cachedInput ?? a.input) * timesA === (b.cachedInput ?? b.input) * timesB &&
    (a.cacheWrite ?? a.input) * timesA === (b.cacheWrite ?? b.input) * timesB &&
    hourWrite(a) * timesA === hourWrite(b) * timesB &&
    (a.reasoningOutput ?? a.output) * timesA === (b.reasoningOutput ?? b.output) * timesB &&
    isSameUnits(a.units, b.units)
  );
}

function hourWrite({ cacheWrite1h, cacheWrite, input }: Rates): bigint {
  return cacheWrite1h ?? cacheWrite ?? input;
}

/** A unit at 0 is not one without a rate: calls with that one are unpriced. */
function isSameUnits(a: Rates['units'], b: Rates['units']): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, rate }, index) => name === b[index]?.name && rate === b[index]?.rate)
  );
}

/** Whether a price is zero in all its parts, at every length of input. */
export function isZero({ rates }: Pick<PriceRevision, 'rates'>): boolean {
  return rates.every(
    (rate) =>
      rate.input === 0n &&
      rate.output === 0n &&
      (rate.cachedInput ?? 0n) === 0n &&
      (rate.cacheWrite ?? 0n) === 0n &&
      (rate.cacheWrite1h ?? 0n) === 0n &&
      (rate.reasoningOutput ?? 0n) === 0n &&
      rate.perRequest === 0n &&
      rate.units.every((unit) => unit.rate === 0n),
  );
}
