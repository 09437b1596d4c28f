import type { ClientBase, Pool } from 'pg';
import { createPace } from '../../platform/pace.ts';
import type { PaceOptions } from '../../platform/pace.ts';
import { boundsOf, dayOf } from '../record/recorded-day.ts';
import type { Transact } from './transact.ts';
import {
  markPartition,
  openPartitions,
  openWriters,
  rollUpPiece,
  takeDay,
  tryRollUpLock,
  waitingDays,
} from '../sql/roll-up.ts';

/** What one pass of the roll-up did. */
export interface RollUpPass {
  /** Days of an organization that it completed. */
  readonly days: number;
  readonly rows: number;
  /** Days of an organization that have ended and are not complete. */
  readonly waiting: number;
  /**
   * Why it ended before the last of them: it was stopped; another replica is at work; a transaction is open
   * that may still record into a day that has ended.
   */
  readonly left: 'stopped' | 'taken' | 'unsettled' | undefined;
}

/** What the roll-up is made of. */
export interface RollUpOptions extends PaceOptions {
  /** For looking; what is written goes through `transact`. */
  readonly pool: Pool;
  readonly transact: Transact;
  readonly nowMs: () => number;
  /** How long after its end a day is left alone, and the longest that a transaction may be open meanwhile. */
  readonly settleMs?: number;
  /** Told how many days wait, whenever that may have changed. */
  readonly onWaiting?: (days: number) => void;
  /** Told of the rows of each piece. */
  readonly onPiece?: (rows: number) => void;
}

const usualSettleMs = 600_000;

/**
 * Rolls up the days that have ended, in pieces with rests between them, so that Checks hardly notice.
 *
 * A pass may end anywhere, in a crash too: each piece is a transaction that adds rows to the sums and notes
 * how far it came, and the next pass, on any replica, goes on from there. A day's sums count from the
 * transaction that completes it, and from then its rows do not. Several replicas may run passes at once: one
 * that finds another at work ends its own.
 */
export function createRollUp(options: RollUpOptions) {
  const { pool, transact, settleMs = usualSettleMs, onWaiting = () => undefined } = options;
  return async function rollUp(signal = new AbortController().signal): Promise<RollUpPass> {
    const waiting = await findWaiting(pool, dayOf(options.nowMs() - settleMs));
    let [days, rows] = [0, 0];
    const passed = (left?: RollUpPass['left']): RollUpPass => {
      return { days, rows, waiting: waiting.length - days, left };
    };
    onWaiting(waiting.length);
    const pace = createPace(signal, options);
    if (waiting.length > 0 && (await hasOpenWriter(pool, settleMs))) return passed('unsettled');
    for (const { org_id: orgId, day } of waiting) {
      for (let isComplete = false; !isComplete;) {
        if (signal.aborted) return passed('stopped');
        const piece = await pace((most) =>
          transact((client) => rollUpSome(client, orgId, day, most)),
        );
        if (piece.isTaken) return passed('taken');
        rows += piece.rows;
        options.onPiece?.(piece.rows);
        isComplete = piece.isComplete;
      }
      days += 1;
      onWaiting(waiting.length - days);
    }
    return passed();
  };
}

interface WaitingDay {
  readonly org_id: string;
  readonly day: string;
}

/** The days that ended before `today` and are not complete, partition by partition; notes partitions that are. */
async function findWaiting(pool: Pool, today: string): Promise<readonly WaitingDay[]> {
  const { rows: partitions } = await pool.query<{ day: string; name: string }>(
    openPartitions.text,
    [today],
  );
  const found: WaitingDay[] = [];
  for (const { day, name } of partitions) {
    const waiting = await waitingIn(pool, name, boundsOf(day).end);
    if (waiting.length === 0) await pool.query(markPartition.text, [day]);
    found.push(...waiting);
  }
  // What no partition was made for. Its days are not noted: any organization may have some there.
  return [...found, ...(await waitingIn(pool, 'usage_rest', boundsOf(today).start))];
}

/** The organizations and days of one partition of usage that are not complete. */
export async function waitingIn(
  client: ClientBase | Pool,
  partition: string,
  before: string,
): Promise<readonly WaitingDay[]> {
  return (await client.query<WaitingDay>(waitingDays(partition).text, [before])).rows;
}

async function hasOpenWriter(pool: Pool, settleMs: number): Promise<boolean> {
  return (await pool.query(openWriters.text, [settleMs])).rows.length > 0;
}

interface Piece {
  readonly rows: number;
  readonly isComplete: boolean;
  readonly isTaken: boolean;
}

/** Adds the next rows of a day, unless another replica is at work. */
async function rollUpSome(
  client: ClientBase,
  orgId: string,
  day: string,
  mostRows: number,
): Promise<Piece> {
  const { rows: locks } = await client.query<{ ours: boolean }>(tryRollUpLock.text);
  if (locks[0]?.ours !== true) return { rows: 0, isComplete: false, isTaken: true };
  const { rows: taken } = await client.query<{ complete: boolean }>(takeDay.text, [orgId, day]);
  if (taken[0]?.complete !== false) return { rows: 0, isComplete: true, isTaken: false };
  const { start, end } = boundsOf(day);
  const values = [orgId, day, start, end, mostRows];
  const { rows } = await client.query<{ rows: number; complete: boolean }>(
    rollUpPiece.text,
    values,
  );
  for (const piece of rows) return { rows: piece.rows, isComplete: piece.complete, isTaken: false };
  throw new Error(`the place of ${orgId} ${day} is gone while it is locked`);
}
