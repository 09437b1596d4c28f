import type { Pool } from 'pg';
import { subjectName } from '../../core/subject.ts';
import { createReadUntil } from '../../db/read-until.ts';
import { pageOf, positionOf, tokenAfter } from '../../platform/paging.ts';
import type { Holds, OpenHold } from '../../service/admin/list-holds.ts';
import { listHolds } from '../sql/list-holds.ts';
import type { HoldRow } from '../sql/list-holds.ts';

/** Holds that are looked through for a page of one subject. */
const mostScanned = 10_000;

/** Lists open holds from PostgreSQL. */
export function createPgHolds(parts: {
  readonly pool: Pool;
  readonly monotonicMs: () => number;
  readonly failure: (cause: unknown) => Error;
}): Holds {
  const readUntil = createReadUntil(parts.pool, parts.monotonicMs);
  return {
    async list(orgId, subject, page, limits) {
      const list = `${orgId}/holds`;
      const [afterMs = '-1', afterId = ''] = positionOf(page, list, ['integer', 'text']) ?? [];
      const name = subject === undefined ? null : subjectName(subject);
      const scans = subject === undefined ? page.size + 1 : mostScanned;
      const values = [orgId, name, afterMs, afterId, scans, page.size + 1];
      const read = readUntil(limits, (client) => client.query<HoldRow>(listHolds.text, values));
      const { rows } = await read.catch((cause: unknown) => Promise.reject(parts.failure(cause)));
      const found = rows.filter(({ request_id: id }) => id !== null);
      const listed = pageOf(found, page, list, keyOf, openHold);
      const scanned = rows.find(({ request_id: id }) => id === null);
      if (listed.nextToken !== undefined || Number(scanned?.requests ?? 0) < mostScanned) {
        return listed;
      }
      // All that was looked through is on this page: the next one goes on behind it.
      const { expires_at: expiresAt = '', booked_at: requestId = '' } = scanned ?? {};
      return { ...listed, nextToken: tokenAfter(page, list, [expiresAt, requestId]) };
    },
  };
}

function keyOf({ expires_at: expiresAt, request_id: id }: HoldRow): [string, string] {
  return [expiresAt, id ?? ''];
}

function openHold(row: HoldRow): OpenHold {
  return {
    requestId: row.request_id ?? '',
    meters: row.subjects ?? [],
    target: row.target ?? '',
    cost: BigInt(row.held_cost ?? 0),
    input: BigInt(row.held_input ?? 0),
    output: BigInt(row.held_output ?? 0),
    requests: BigInt(row.requests),
    checkedAtMs: Number(row.booked_at),
    expiresAtMs: Number(row.expires_at),
  };
}
