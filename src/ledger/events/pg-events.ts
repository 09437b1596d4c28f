import type { Pool } from 'pg';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Events, StoredEvent } from '../../service/admin/events.ts';
import { listEvents } from '../sql/list-events.ts';
import type { EventRow } from '../sql/list-events.ts';

/** Reads enforcement events from PostgreSQL; `failure` says what a failed query is to the caller. */
export function createPgEvents(parts: {
  readonly pool: Pool;
  readonly failure: (cause: unknown) => Error;
}): Events {
  const { pool, failure } = parts;
  return {
    async list(filter, page) {
      const { orgId, user = null, action = null, limit = null } = filter;
      const list = `${orgId}/events`;
      const [lastAt = null, sequence = null] = positionOf(page, list, ['integer', 'text']) ?? [];
      const values = [orgId, user, action, limit, lastAt, sequence, page.size + 1];
      const { rows } = await pool
        .query<EventRow>({ ...listEvents, values })
        .catch((cause: unknown) => Promise.reject(failure(cause)));
      return pageOf(rows, page, list, (row) => [row.last_us, row.sequence], storedEvent);
    },
  };
}

function storedEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    firstAtMs: Number(row.first_ms),
    lastAtMs: Math.floor(Number(row.last_us) / 1000),
    occurrences: BigInt(row.occurrences),
    action: row.action,
    requestId: row.request_id,
    user: row.user_id ?? undefined,
    subjects: row.subjects,
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
            ask: BigInt(row.ask ?? 0),
            threshold: row.threshold ?? undefined,
          },
  };
}
