import type { Raise } from '../core/raise.ts';

/** A raise as it is asked for. What its limit counts is the store's to find. */
export interface NewRaise extends Pick<
  Raise,
  'subject' | 'limitName' | 'appliesTo' | 'kind' | 'untilMs'
> {
  /** Undefined: the store makes one. */
  readonly id: string | undefined;
  /** As it was written: decimal USD, or a whole number. */
  readonly amount: string;
}

/** A raise with who made and revoked it, when and why. */
export interface StoredRaise {
  readonly raise: Raise;
  readonly reason: string;
  readonly actor: string;
  readonly createdAtMs: number;
  readonly revokedReason: string | undefined;
  readonly revokedBy: string | undefined;
  readonly revokedAtMs: number | undefined;
}

/** A raise that was changed, and the amount of its limit for whom it is: before and after the change. */
export interface RaiseChange {
  readonly stored: StoredRaise;
  /** Undefined: it does not apply to a limit. */
  readonly amounts: { readonly before: bigint; readonly after: bigint } | undefined;
}

/** Whether a raise is in force. */
export type RaiseState = 'ACTIVE' | 'ENDED' | 'REVOKED';

/** Which raises are listed; absent is any. */
export interface RaiseFilter {
  readonly subject: Raise['subject'] | undefined;
  readonly limitName: string | undefined;
  /** For whom they are; see `raiseOwner`. */
  readonly owner: Raise['subject'] | undefined;
  readonly state: RaiseState | undefined;
}

/** The state of a raise at an instant. */
export function raiseState({ raise, revokedAtMs }: StoredRaise, nowMs: number): RaiseState {
  if (revokedAtMs !== undefined) return 'REVOKED';
  return nowMs < raise.untilMs ? 'ACTIVE' : 'ENDED';
}

/** So many raises may be active for one subject. */
export const maxRaisesOfSubject = 100;
/** So many raises may be active in an organization. */
export const maxRaisesOfOrganization = 10_000;
