import type { ClientBase } from 'pg';
import { windowAt } from '../../core/window.ts';
import { quarterFrom } from '../record/quarters.ts';
import {
  makeDay,
  quartersWithoutDay,
  rollUpPiece,
  takeMark,
  tryRollUpLock,
} from '../sql/roll-up.ts';

/** What a piece of the roll-up did. */
export interface RollUpPiece {
  readonly rows: number;
  /** Whether nothing that is closed is left. */
  readonly isComplete: boolean;
  /** Whether another replica is at work; then nothing was done. */
  readonly isTaken: boolean;
}

interface Mark {
  readonly closed_to: string;
  readonly rolled_to: string;
  readonly rolled_to_id: string;
  readonly time_zone: string;
}

/** Adds the next rows of an organization to its sums, unless another replica is at work. Inside a transaction. */
export async function rollUpSome(
  client: ClientBase,
  orgId: string,
  mostRows: number,
): Promise<RollUpPiece> {
  const { rows: locks } = await client.query<{ ours: boolean }>(tryRollUpLock.text);
  if (locks[0]?.ours !== true) return { rows: 0, isComplete: false, isTaken: true };
  const { rows: marks } = await client.query<Mark>(takeMark.text, [orgId]);
  const [mark] = marks;
  if (mark === undefined) throw new Error(`the mark of ${orgId} is gone`);
  const piece = [orgId, mark.rolled_to, mark.rolled_to_id, mark.closed_to, mostRows];
  await makeDays(client, orgId, mark.time_zone, piece);
  const { rows } = await client.query<{ rows: number }>(rollUpPiece.text, piece);
  // No row was updated, because the piece was empty.
  const added = rows[0]?.rows ?? 0;
  return { rows: added, isComplete: added < mostRows, isTaken: false };
}

/** Makes the days that a piece's rows were booked in, where there are none yet, by the zone that holds now. */
async function makeDays(
  client: ClientBase,
  orgId: string,
  timeZone: string,
  piece: readonly unknown[],
): Promise<void> {
  const { rows } = await client.query<{ at_ms: string }>(quartersWithoutDay.text, [...piece]);
  const calendar = { timeZone, weekStart: 1, monthAnchorDay: 1 };
  let madeToMs = -Infinity;
  for (const atMs of rows.map((row) => Number(row.at_ms)).toSorted((a, b) => a - b)) {
    if (atMs < madeToMs) continue;
    const { startMs, endMs } = windowAt(calendar, 'DAY', atMs);
    const values = [atMs, quarterFrom(startMs), quarterFrom(endMs)].map((ms) =>
      new Date(ms).toISOString(),
    );
    const made = await client.query<{ ends_ms: string }>(makeDay.text, [orgId, ...values]);
    madeToMs = Number(made.rows[0]?.ends_ms);
  }
}
