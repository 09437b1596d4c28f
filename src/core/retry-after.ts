import { isLifted } from './lifted.ts';
import type { ConsideredLimit } from './outcome.ts';
import type { CheckPlan, PlannedLimit } from './plan.ts';
import { raisedAt } from './raise.ts';

/**
 * How long a call that was denied for its limits alone has to wait, if nothing else is used meanwhile: until the last of
 * the windows ends whose limits are in its way. A raise may end before that, so each limit is judged by the amount that
 * it has then. Undefined where waiting does not help. In milliseconds.
 */
export function retryAfter(
  { limits: planned, bypass }: Pick<CheckPlan, 'limits' | 'bypass'>,
  limits: readonly ConsideredLimit[],
  nowMs: number,
): number | undefined {
  let atMs = nowMs;
  for (;;) {
    let nextMs = atMs;
    for (const [index, limit] of limits.entries()) {
      const { resetsAtMs, ask } = limit;
      if (limit.action !== 'BLOCK' || ask === 0n || isLifted(limit, bypass)) continue;
      const isOver = atMs > nowMs && resetsAtMs !== undefined && resetsAtMs <= atMs;
      const spent = isOver ? 0n : limit.used + limit.held;
      if (spent + ask <= amountAt(planned[index], limit, atMs)) continue;
      if (isOver || resetsAtMs === undefined || resetsAtMs <= nowMs) return undefined;
      nextMs = Math.max(nextMs, resetsAtMs);
    }
    if (nextMs === atMs) return atMs - nowMs;
    atMs = nextMs;
  }
}

function amountAt(
  planned: PlannedLimit | undefined,
  { amount, raised }: ConsideredLimit,
  atMs: number,
): bigint {
  if (raised === undefined) return amount;
  return raisedAt(raised.declared, planned?.raises ?? [], atMs)?.amount ?? raised.declared;
}
