import type { Outcome } from '../core/outcome.ts';
import type { MeterTotals, WindowTotals } from '../core/totals.ts';

const nothing: WindowTotals = {
  usedCost: 0n,
  usedInput: 0n,
  usedOutput: 0n,
  usedRequests: 0n,
  heldCost: 0n,
  heldInput: 0n,
  heldOutput: 0n,
};

/** A meter that knows nothing, for decisions in which no meter takes part. */
export const emptyTotals: MeterTotals = { inFlight: 0n, window: () => nothing };

/** The outcome for a secret that belongs to no organization, where none was named. */
export function unknownCredential(nowMs: number): Outcome {
  return {
    decision: 'DENY',
    reasons: ['CREDENTIAL_UNKNOWN'],
    binding: undefined,
    limits: [],
    warnings: [],
    retryAfterMs: undefined,
    maxOutputTokens: undefined,
    storeContent: 'METADATA',
    heldCost: 0n,
    heldInput: 0n,
    heldOutput: 0n,
    priceRevision: undefined,
    decidedAtMs: nowMs,
    expiresAtMs: undefined,
  };
}
