import type { Tenant } from './tenants.ts';

/** Cost in nano-USD, and tokens. */
export interface Amounts {
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
}

/** How a call may stand in the ledger, before what is open expires. */
export type Standing =
  | { readonly state: 'ABSENT' | 'DENIED' }
  | { readonly state: 'OPEN' | 'EXPIRED' | 'RELEASED'; readonly held: Amounts }
  | { readonly state: 'SETTLED'; readonly used: Amounts };

/**
 * The reference: one call as the books of its caller have it. While all was acknowledged it stands in one way;
 * what was asked and never answered leaves several.
 */
export interface ReferenceCall {
  readonly tenant: Tenant;
  readonly requestId: string;
  standings: readonly Standing[];
  /** The earliest instant at which the hold may be over, by its answers; undefined when none was acknowledged. */
  expiresAtMs: number | undefined;
  /** From the acknowledged Check on until something that ends the hold is sent. */
  openFromMs: number | undefined;
  openToMs: number | undefined;
}

/** What the ledger must have of a call once no hold is open any more. */
export interface Booked extends Amounts {
  /** The state of its row in `call`; undefined: there is none. */
  readonly state: string | undefined;
  readonly requests: bigint;
  /** Rows in `usage` that a Report made. */
  readonly reports: bigint;
}

export const nothing: Amounts = { cost: 0n, input: 0n, output: 0n };

/** A call that nobody asked for yet. */
export function newCall(tenant: Tenant, requestId: string): ReferenceCall {
  return {
    tenant,
    requestId,
    standings: [{ state: 'ABSENT' }],
    expiresAtMs: undefined,
    openFromMs: undefined,
    openToMs: undefined,
  };
}

/** What an operation makes of a standing, by its outcomes; empty where it cannot be acknowledged. */
export type Effect = (standing: Standing) => readonly Standing[];

/** A Check of some asks, allowed or denied; one that is settled at once is booked as it asked. */
export function checked(
  asked: Amounts,
  decision: 'ALLOW' | 'DENY',
  { settleNow }: { readonly settleNow: boolean } = { settleNow: false },
): Effect {
  return (standing) => {
    if (standing.state !== 'ABSENT') return [standing];
    if (decision === 'DENY') return [{ state: 'DENIED' }];
    return [settleNow ? { state: 'SETTLED', used: asked } : { state: 'OPEN', held: asked }];
  };
}

/** An Extend that was allowed. A refused one leaves all as it was. */
export function extended(added: Amounts): Effect {
  return (standing) =>
    standing.state === 'OPEN' ? [{ state: 'OPEN', held: sum(standing.held, added) }] : [];
}

/** A Release. */
export const released: Effect = (standing) =>
  standing.state === 'OPEN' || standing.state === 'RELEASED'
    ? [{ state: 'RELEASED', held: standing.held }]
    : [];

/** A Report; `partial` books at least the input that was held. */
export function reported(used: Amounts, partial: boolean): Effect {
  return (standing) => {
    const held = 'held' in standing ? standing.held.input : 0n;
    const input = partial && used.input < held ? held : used.input;
    return [{ state: 'SETTLED', used: { ...used, input } }];
  };
}

/** A Report that does not know the usage: what was held is booked, of a denied call nothing. */
export const reportedUnknown: Effect = (standing) => {
  if ('held' in standing) return [{ state: 'SETTLED', used: standing.held }];
  return standing.state === 'DENIED' ? [{ state: 'SETTLED', used: nothing }] : [];
};

/** The hold was over before: the sweep had taken it. */
export const expired: Effect = (standing) =>
  standing.state === 'OPEN' || standing.state === 'EXPIRED'
    ? [{ state: 'EXPIRED', held: standing.held }]
    : [];

/** Takes an acknowledged effect over; false when no standing allows it, which is a contradiction. */
export function acknowledge(call: ReferenceCall, effect: Effect): boolean {
  const after = call.standings.flatMap(effect);
  if (after.length === 0) return false;
  call.standings = after;
  return true;
}

/** Something was asked and not answered: it happened, in one of these ways, or it did not. */
export function doubt(call: ReferenceCall, effects: readonly Effect[]): void {
  const before = call.standings;
  call.standings = [...before, ...effects.flatMap((effect) => before.flatMap(effect))];
}

/** The ways in which the ledger may have a call when every hold has ended. */
export function booked({ standings, tenant }: ReferenceCall): Booked[] {
  return standings.map((standing) => {
    switch (standing.state) {
      case 'ABSENT':
        return { ...nothing, state: undefined, requests: 0n, reports: 0n };
      case 'DENIED':
      case 'RELEASED':
        return { ...nothing, state: standing.state, requests: 0n, reports: 0n };
      case 'OPEN':
      case 'EXPIRED':
        return tenant.onExpiry === 'CHARGE'
          ? { ...standing.held, state: 'CHARGED', requests: 1n, reports: 0n }
          : { ...nothing, state: 'EXPIRED', requests: 1n, reports: 0n };
      case 'SETTLED':
        return { ...standing.used, state: 'SETTLED', requests: 1n, reports: 1n };
    }
  });
}

function sum(a: Amounts, b: Amounts): Amounts {
  return { cost: a.cost + b.cost, input: a.input + b.input, output: a.output + b.output };
}
