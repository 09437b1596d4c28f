import type { Meter } from '../../core/meter.ts';
import { windows } from '../../core/policy.ts';
import { maxInt64 } from '../../core/totals.ts';
import type { WindowTotals } from '../../core/totals.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { RunningTotals } from '../meters/running-totals.ts';
import { aboutCall } from './about-call.ts';
import type { EventRecord } from './event-record.ts';

/**
 * One event per meter and window whose used cost, input or output has reached the largest int64, from the totals
 * after the call, unless the batch has reported the meter already: a thousand calls on such meters cost no more
 * than one. The store keeps an event only if there was none for the meter in the window.
 */
export function saturationEvents(
  call: KnownCall,
  meters: readonly Meter[],
  totals: readonly RunningTotals[],
  nowMs: number,
  reported: Set<RunningTotals>,
): EventRecord[] {
  const events: EventRecord[] = [];
  for (const [meterIndex, { name }] of meters.entries()) {
    const ofMeter = totals[meterIndex];
    if (ofMeter?.mayBeSaturated !== true || reported.has(ofMeter)) continue;
    for (const [index, window] of windows.entries()) {
      const metric = saturatedMetric(ofMeter.window(window));
      if (metric === undefined) continue;
      reported.add(ofMeter);
      const onceInWindowMs = ofMeter.startMs(index);
      const sum = { meter: name, metric, window, onceInWindowMs, spend: maxInt64 };
      events.push({ ...aboutCall(call, { nowMs }), action: 'SATURATED', sum, limit: undefined });
    }
  }
  return events;
}

function saturatedMetric({ usedCost, usedInput, usedOutput }: WindowTotals): string | undefined {
  if (usedCost >= maxInt64) return 'COST';
  if (usedInput >= maxInt64) return 'INPUT_TOKENS';
  return usedOutput >= maxInt64 ? 'OUTPUT_TOKENS' : undefined;
}
