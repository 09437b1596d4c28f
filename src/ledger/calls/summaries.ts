import type { PoolClient } from 'pg';
import type { CallSummary } from '../../service/admin/calls.ts';
import { bookedOfCalls } from '../sql/kept-calls.ts';
import type { BookedRow } from '../sql/kept-calls.ts';
import { callSummary } from './call-summary.ts';
import type { KnownCall } from './known-call.ts';

const dayMs = 86_400_000;

/** Since when the usage of a call is recorded: not before it is booked, but for clocks that differ. */
export function recordedSince(bookedAtMs: number): number {
  return bookedAtMs - dayMs;
}

/** Calls in one line each, in their order. */
export async function summariesOf(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  calls: readonly KnownCall[],
): Promise<readonly CallSummary[]> {
  if (calls.length === 0) return [];
  const instants = [...new Set(calls.map(({ bookedAtMs }) => bookedAtMs))];
  const ids = calls.map(({ requestId }) => requestId);
  const values = [orgId, instants, ids, recordedSince(Math.min(...instants))];
  const { rows } = await client.query<BookedRow>({ ...bookedOfCalls, values });
  const booked = new Map(rows.map((row) => [row.request_id, row]));
  return calls.map((call) => callSummary(call, booked.get(call.requestId)));
}
