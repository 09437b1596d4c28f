import { referenceCatalog } from './reference-catalog.ts';
import type { Said, SaidCall, SaidPrice } from './view.ts';

/** A price as a reference sees it: whose it is, and from when until when it is in force. */
interface Candidate {
  readonly price: SaidPrice;
  readonly isPlatform: boolean;
  /** The smallest is the most specific: a key before the provider's model before the model, a tier before none, own before all inherited. */
  readonly rank: number;
}

/** As of what a reference prices; 0 of the platform where the organization does not inherit. */
interface At {
  readonly epoch: number;
  readonly platformEpoch: number;
  readonly atMs: number;
}

/** A price that a reference found, and whether it is the platform's. */
export interface ReferencePrice {
  readonly price: SaidPrice;
  readonly isPlatform: boolean;
}

/**
 * The rules of prices once more, as plainly as they can be said and without a line of the core: every price that could be
 * that of a call is given a rank, and of the smallest rank that is in force the latest wins. Undefined: unpriced.
 */
export function referencePrice(
  said: Said,
  call: SaidCall,
  keys: readonly string[],
  model: string,
  at: At,
): ReferencePrice | undefined {
  const cataloged = referenceCatalog(said).models?.find(({ id }) => id === model)?.provider;
  const provider = call.provider ?? cataloged;
  const subjects = [
    ...keys.map((key) => `KEY key:${key}`),
    ...(provider === undefined ? [] : [`PROVIDER_MODEL ${provider}:${model}`]),
    `MODEL ${model}`,
  ];
  const candidatesOf = (prices: readonly SaidPrice[], isPlatform: boolean): Candidate[] =>
    prices.flatMap((price) => {
      const place = subjects.indexOf(`${price.scope ?? 'MODEL'} ${price.subject}`);
      const isForTier = price.serviceTier !== undefined;
      if (place < 0 || (isForTier && price.serviceTier !== call.serviceTier)) return [];
      const rank = 2 * place + (isForTier ? 0 : 1) + (isPlatform ? 1000 : 0);
      const { atMs } = at;
      const epoch = isPlatform ? at.platformEpoch : at.epoch;
      return isInForce(price, { epoch, atMs }) ? [{ price, isPlatform, rank }] : [];
    });
  const candidates = [
    ...candidatesOf(said.prices ?? [], false),
    ...candidatesOf(said.platform?.prices ?? [], true),
  ];
  const [best] = candidates.toSorted(
    (a, b) =>
      a.rank - b.rank ||
      (b.price.effectiveAtMs ?? 0) - (a.price.effectiveAtMs ?? 0) ||
      (b.price.revision ?? 1) - (a.price.revision ?? 1),
  );
  return best;
}

function isInForce(
  { epoch = 1, effectiveAtMs = 0, revokedEpoch = Infinity }: SaidPrice,
  at: { readonly epoch: number; readonly atMs: number },
): boolean {
  return epoch <= at.epoch && at.epoch < revokedEpoch && effectiveAtMs <= at.atMs;
}
