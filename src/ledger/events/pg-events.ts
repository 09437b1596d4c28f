import type { Pool } from 'pg';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Events } from '../../service/admin/events.ts';
import { listEvents } from '../sql/list-events.ts';
import type { EventRow } from '../sql/list-events.ts';
import { storedEvent } from './stored-event.ts';

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
