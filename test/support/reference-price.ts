import type { Said, SaidCall, SaidPrice } from './view.ts';

/** A price as a reference sees it: whose it is, and from when until when it is in force. */
interface Candidate {
  readonly price: SaidPrice;
  /** The smallest is the most specific: a key before the provider's model before the model, a tier before none. */
  readonly rank: number;
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
  at: { readonly epoch: number; readonly atMs: number },
): SaidPrice | undefined {
  const cataloged = said.models?.find(({ id }) => id === model)?.provider;
  const provider = call.provider ?? cataloged;
  const subjects = [
    ...keys.map((key) => `KEY key:${key}`),
    ...(provider === undefined ? [] : [`PROVIDER_MODEL ${provider}:${model}`]),
    `MODEL ${model}`,
  ];
  const candidates = (said.prices ?? []).flatMap((price): Candidate[] => {
    const place = subjects.indexOf(`${price.scope ?? 'MODEL'} ${price.subject}`);
    const isForTier = price.serviceTier !== undefined;
    if (place < 0 || (isForTier && price.serviceTier !== call.serviceTier)) return [];
    return isInForce(price, at) ? [{ price, rank: 2 * place + (isForTier ? 0 : 1) }] : [];
  });
  const [best] = candidates.toSorted(
    (a, b) =>
      a.rank - b.rank ||
      (b.price.effectiveAtMs ?? 0) - (a.price.effectiveAtMs ?? 0) ||
      (b.price.revision ?? 1) - (a.price.revision ?? 1),
  );
  return best?.price;
}

function isInForce(
  { epoch = 1, effectiveAtMs = 0, revokedEpoch = Infinity }: SaidPrice,
  at: { readonly epoch: number; readonly atMs: number },
): boolean {
  return epoch <= at.epoch && at.epoch < revokedEpoch && effectiveAtMs <= at.atMs;
}
