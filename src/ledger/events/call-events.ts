import type { ConsideredLimit, LimitStatus, Outcome } from '../../core/outcome.ts';
import type { Asks, PlannedLimit } from '../../core/plan.ts';
import { encodeId, subjectName } from '../../core/subject.ts';
import { windows } from '../../core/policy.ts';
import { limitTotals } from '../../core/limit-totals.ts';
import type { EventRecord } from './event-record.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { DecisionContext } from '../operations/operation.ts';
import { aboutCall } from './about-call.ts';

const actionOf: Partial<Record<LimitStatus, EventRecord['action']>> = {
  EXCEEDED: 'BLOCKED',
  WARNED: 'WARNED',
  DRY_RUN: 'DRY_RUN',
  BYPASSED: 'BYPASSED',
};

/** One event per limit that was exceeded, in the order of the limits considered. */
export function limitEvents(
  call: KnownCall,
  outcome: Outcome,
  context: DecisionContext,
): EventRecord[] {
  const events: EventRecord[] = [];
  for (const limit of outcome.limits) {
    const action = actionOf[limit.status];
    if (action !== undefined)
      events.push({ ...aboutCall(call, context), action, ...numbers(limit) });
  }
  return events;
}

/** One event per threshold that was crossed; the store keeps it only if it is the first of its window. */
export function thresholdEvents(
  call: KnownCall,
  plan: {
    readonly limits: readonly PlannedLimit[];
    readonly meters: readonly { readonly name: string }[];
  },
  crossed: readonly { readonly index: number; readonly threshold: number }[],
  context: DecisionContext,
  asks: Asks | undefined,
): EventRecord[] {
  const events: EventRecord[] = [];
  for (const { index, threshold } of crossed) {
    const planned = plan.limits[index];
    if (planned === undefined) continue;
    const { limit, subject, meterIndex } = planned;
    const { used, held } = limitTotals(limit, context.totals(meterIndex));
    const ask = asks === undefined ? 0n : asks[limit.metric];
    const window = limit.window;
    events.push({
      ...aboutCall(call, context),
      action: 'THRESHOLD',
      sum: {
        meter: plan.meters[meterIndex]?.name ?? '',
        metric: limit.metric,
        window,
        onceInWindowMs: window && context.startMs(meterIndex, windows.indexOf(window)),
        spend: used + held + ask,
      },
      limit: {
        subject: subjectName(subject),
        name: `${subjectName(subject)}/${encodeId(limit.name)}`,
        revision: planned.revision,
        amount: limit.amount,
        raised: planned.raised,
        ask,
        threshold,
      },
    });
  }
  return events;
}

function numbers(limit: ConsideredLimit): Pick<EventRecord, 'sum' | 'limit'> {
  return {
    sum: {
      meter: limit.meter.name,
      metric: limit.metric,
      window: limit.window,
      onceInWindowMs: undefined,
      spend: limit.used + limit.held,
    },
    limit: {
      subject: subjectName(limit.subject),
      name: `${subjectName(limit.subject)}/${encodeId(limit.name)}`,
      revision: limit.revision,
      amount: limit.amount,
      raised: limit.raised,
      ask: limit.ask,
      threshold: undefined,
    },
  };
}
