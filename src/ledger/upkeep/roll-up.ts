import type { Pool } from 'pg';
import { createPace } from '../../platform/pace.ts';
import type { Pace, PaceOptions } from '../../platform/pace.ts';
import { quarterMs } from '../record/quarters.ts';
import type { Transact } from './transact.ts';
import { closeUsage } from '../sql/roll-up.ts';
import { createWaitingSearch } from './waiting-search.ts';
import { rollUpSome } from './roll-up-piece.ts';

/** What one pass of the roll-up did. */
export interface RollUpPass {
  /** Organizations of which it rolled up all that had waited. */
  readonly organizations: number;
  readonly rows: number;
  /** Organizations that have usage of a quarter that has ended which is not rolled up. */
  readonly waiting: number;
  /** Why it ended before the last of them: it was stopped; another replica is at work. */
  readonly left: 'stopped' | 'taken' | undefined;
}

/** What the roll-up is made of. */
export interface RollUpOptions extends PaceOptions {
  /** For looking, and for closing quarters; sums are written through `transact`. */
  readonly pool: Pool;
  readonly transact: Transact;
  readonly nowMs: () => number;
  /** Usage rows of an organization that may wait for their quarter to end; with more, it is rolled up to now. */
  readonly mostWaitingRows?: number;
  /** One organization per statement, for a distributed PostgreSQL. */
  readonly perOrganization?: boolean;
  /** Called with the number of waiting organizations whenever it may have changed. */
  readonly onWaiting?: (organizations: number) => void;
  /** Called with the number of rows of each piece. */
  readonly onPiece?: (rows: number) => void;
}

/** A quarter is left alone for so long after its end: most Reports of its calls are recorded by then. */
const settleMs = 60_000;
const usualWaitingRows = 4_000;
/** Where so many organizations fail, it may be the store: the pass ends. Those that failed go last in the next one. */
const mostFailures = 8;

/**
 * Rolls up the usage of quarters of an hour that have ended, in pieces with rests between them, so that Checks hardly
 * notice.
 *
 * A pass may end anywhere, in a crash too. Of each organization it first closes what is to be rolled up: nothing is
 * recorded there any more. Then each piece is a transaction that adds rows to the sums of the quarter and of the day
 * that they were booked in, and moves the organization's mark: rows up to the mark count by their sums from then on,
 * and later ones one by one. The next pass, on any replica, goes on from the mark. Several replicas may run passes at
 * once: one that finds another at work ends its own.
 */
export function createRollUp(
  options: RollUpOptions,
): (signal?: AbortSignal) => Promise<RollUpPass> {
  const { pool, onWaiting = () => undefined, mostWaitingRows = usualWaitingRows } = options;
  const search = createWaitingSearch(pool, options.perOrganization === true);
  let failedBefore: ReadonlySet<string> = new Set();
  return async function rollUp(signal = new AbortController().signal): Promise<RollUpPass> {
    const nowMs = options.nowMs();
    const endedMs = Math.floor((nowMs - settleMs) / quarterMs) * quarterMs;
    const waiting = await search(endedMs, nowMs, mostWaitingRows);
    let [organizations, rows] = [0, 0];
    const passed = (left?: RollUpPass['left']): RollUpPass => {
      return { organizations, rows, waiting: waiting.length - organizations, left };
    };
    onWaiting(waiting.length);
    const pace = createPace(signal, options);
    const onPiece = (added: number): void => {
      rows += added;
      options.onPiece?.(added);
    };
    const failures: unknown[] = [];
    const failed = new Set<string>();
    for (const { orgId, isCrowded } of failedLast(waiting, failedBefore)) {
      const closeMs = isCrowded ? Math.floor(nowMs) : endedMs;
      try {
        const left = await rollUpOne(options, { orgId, closeMs, pace, signal, onPiece });
        if (left !== undefined) return passed(left);
        organizations += 1;
        onWaiting(waiting.length - organizations);
      } catch (cause) {
        failures.push(cause);
        failed.add(orgId);
        if (failed.size === mostFailures) break;
      }
    }
    failedBefore = failed;
    if (failures.length > 0) throw failures[0];
    return passed();
  };
}

/** The same organizations, those that failed before behind all others. */
function failedLast<Waiting extends { readonly orgId: string }>(
  waiting: readonly Waiting[],
  failedBefore: ReadonlySet<string>,
): readonly Waiting[] {
  const isLast = ({ orgId }: Waiting): number => Number(failedBefore.has(orgId));
  return waiting.toSorted((a, b) => isLast(a) - isLast(b));
}

/** The usage of one organization that is rolled up in a pass. */
interface OneOrganization {
  readonly orgId: string;
  readonly closeMs: number;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onPiece: (rows: number) => void;
}

/** Rolls up all that waits of an organization, unless it has to leave. */
async function rollUpOne(
  { pool, transact }: RollUpOptions,
  { orgId, closeMs, pace, signal, onPiece }: OneOrganization,
): Promise<RollUpPass['left']> {
  if (!(await close(pool, orgId, closeMs))) return 'taken';
  for (let isComplete = false; !isComplete;) {
    if (signal.aborted) return 'stopped';
    const piece = await pace((most) => transact((client) => rollUpSome(client, orgId, most)));
    if (piece.isTaken) return 'taken';
    onPiece(piece.rows);
    isComplete = piece.isComplete;
  }
  return undefined;
}

/** Closes what is to be rolled up of an organization; false if another replica is at work. */
async function close(pool: Pool, orgId: string, untilMs: number): Promise<boolean> {
  const until = new Date(untilMs).toISOString();
  const { rows } = await pool.query<{ ours: boolean }>(closeUsage.text, [orgId, until]);
  return rows[0]?.ours === true;
}
