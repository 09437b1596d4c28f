import type { CheckPlan, SettledNow } from '../../core/plan.ts';
import { servedBy } from '../../core/served-by.ts';
import type { KnownCall } from '../calls/known-call.ts';
import { baseNames } from '../calls/subjects.ts';
import type { UsageRecord } from '../record/usage-record.ts';

/** What is recorded of a call that is settled at its Check: its estimate, at once. */
export function usageOfCheck(
  { orgId, requestId, bookedAtMs }: Pick<KnownCall, 'orgId' | 'requestId' | 'bookedAtMs'>,
  { path, target, served, estimate, priceRevision }: CheckPlan,
  { cost, unpriced }: SettledNow,
): UsageRecord {
  const { input, output = 0n, cachedInput, cacheWrite, cacheWrite1h, units, requests } = estimate;
  return {
    orgId,
    requestId,
    kind: 'CALL',
    bookedAtMs,
    subjects: baseNames(path),
    user: path.user,
    usage: {
      cost,
      input,
      output,
      reasoningOutput: 0n,
      cachedInput,
      cacheWrite,
      cacheWrite1h,
      units,
      target,
      served: servedBy(served.provider ?? target.provider, served.serviceTier),
      priceRevision,
      unpriced,
    },
    requests,
    overHold: false,
    late: false,
    assumed: false,
  };
}
