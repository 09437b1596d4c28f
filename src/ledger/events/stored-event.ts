import type { Raised } from '../../core/raise.ts';
import { raisedOf } from '../calls/raised-form.ts';
import type { RaisedForm } from '../calls/raised-form.ts';
import type { StoredEvent } from '../../service/admin/events.ts';
import type { EventRow } from '../sql/list-events.ts';

/** An event as its row says. */
export function storedEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    firstAtMs: Number(row.first_ms),
    lastAtMs: Math.floor(Number(row.last_us) / 1000),
    occurrences: BigInt(row.occurrences),
    action: row.action,
    requestId: row.request_id,
    user: row.user_id ?? undefined,
    subjects: row.subjects,
    target: row.target,
    sum:
      row.meter_id === null
        ? undefined
        : {
            meter: row.meter_id,
            metric: row.metric ?? '',
            window: row.time_window ?? undefined,
            spend: BigInt(row.spend ?? 0),
          },
    limit:
      row.limit_name === null
        ? undefined
        : {
            subject: row.limit_subject ?? '',
            name: row.limit_name,
            revision: row.revision ?? 0,
            amount: BigInt(row.amount ?? 0),
            raised: raisedOfRow(row),
            ask: BigInt(row.ask ?? 0),
            threshold: row.threshold ?? undefined,
          },
  };
}

function raisedOfRow({ amount, raises }: EventRow): Raised | undefined {
  // The column holds what the event writer wrote.
  return raises === null
    ? undefined
    : raisedOf(BigInt(amount ?? 0), JSON.parse(raises) as RaisedForm);
}
