/** By whom and in which class of service a call is served, as its caller says. Both choose its price. */
export interface ServedBy {
  /** Undefined: the provider that the catalog has for the target. */
  readonly provider: string | undefined;
  /** The provider's class of service: `flex`, `priority`, `batch`. Undefined: its usual one. */
  readonly serviceTier: string | undefined;
}

/** A call that names neither; one object for all of them. */
export const asCataloged: ServedBy = { provider: undefined, serviceTier: undefined };

/**
 * Who served a call, by its Check and its Report: the Report's word goes before the Check's. The provider that
 * the Check named is that of its target, so it says nothing about another target that served.
 */
export function servedInTheEnd(
  checked: ServedBy,
  reported: ServedBy,
  isSameTarget: boolean,
): ServedBy {
  return servedBy(
    reported.provider ?? (isSameTarget ? checked.provider : undefined),
    reported.serviceTier ?? checked.serviceTier,
  );
}

/** Who serves a call; without a word about it, no new object is made. */
export function servedBy(provider: string | undefined, serviceTier: string | undefined): ServedBy {
  if (provider === undefined && serviceTier === undefined) return asCataloged;
  return { provider, serviceTier };
}
