import { meterOf } from '../../src/core/meter.ts';
import type { ConsideredLimit, Outcome } from '../../src/core/outcome.ts';

const hourMs = 3_600_000;

/** When the outcomes of these tests were decided. */
export const decidedAtMs = Date.parse('2026-03-10T09:00:00Z');

/** A limit that was considered: 98.20 of 100 USD a month on team red, save what a test says. */
export function limit(different: Partial<ConsideredLimit> = {}): ConsideredLimit {
  const subject = different.subject ?? { kind: 'team', id: 'red' };
  return {
    subject,
    name: 'monthly',
    revision: 3,
    meter: meterOf(subject),
    metric: 'COST',
    window: 'MONTH',
    amount: 100_000_000_000n,
    raised: undefined,
    action: 'BLOCK',
    used: 98_200_000_000n,
    held: 1_500_000_000n,
    ask: 750_000_000n,
    remaining: 300_000_000n,
    resetsAtMs: decidedAtMs + 9 * 24 * hourMs,
    status: 'OK',
    ...different,
  };
}

/** An ALLOW with these limits, save what a test says. */
export function outcome(different: Partial<Outcome> = {}): Outcome {
  return {
    decision: 'ALLOW',
    reasons: [],
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
    decidedAtMs,
    expiresAtMs: undefined,
    ...different,
  };
}
