import { expireOperation } from '../operations/expire.ts';
import { mostCost } from '../lane/batch-cost.ts';
import { knownCall } from '../calls/known-call.ts';
import type { Planned } from '../lane/planned.ts';
import type { ClosePlanner } from '../ledger.ts';
import type { CallRow } from '../sql/read-state.ts';
import { mostHoldsOfPiece } from './turns.ts';
import type { SweepTurn } from './turns.ts';

/** A hold that is due and cannot be ended. */
export interface StuckHold {
  readonly orgId: string;
  readonly requestId: string;
  readonly cause: unknown;
}

/** One organization's part of a piece. */
export interface SweepPart {
  readonly turn: SweepTurn;
  /** Where its next turn begins; undefined if it has no more holds that are due. */
  readonly next: SweepTurn | undefined;
  readonly planned: readonly Planned[];
  /** Holds that cannot be planned. */
  readonly stuck: readonly StuckHold[];
  /** Holds that were left out. */
  readonly resting: number;
}

/** How a part is planned. */
export interface SweepPartOrder {
  /** Holds that were asked for. */
  readonly most: number;
  /** Parts that share the transaction. */
  readonly parts: number;
  /** Whether a hold is left out, because it could not be ended a short time ago. */
  readonly isResting: (orgId: string, requestId: string) => boolean;
  readonly plan: ClosePlanner;
  /** Whether a failure is about the store as a whole: then nothing is planned. */
  readonly isStoreWide: (cause: unknown) => boolean;
  /** Whether planning may succeed later: then the hold is left to the next pass. */
  readonly isTransient: (cause: unknown) => boolean;
  /** Called for each hold that was ended. */
  readonly onEnded: () => void;
}

/** Plans the holds of an organization that were found, as many as have room in the transaction. */
export async function planPart(
  turn: SweepTurn,
  rows: readonly CallRow[],
  order: SweepPartOrder,
): Promise<SweepPart> {
  const { most, parts, isResting } = order;
  const tried = rows.filter((row) => !isResting(row.org_id, row.request_id));
  const plans = await Promise.all(tried.map((row) => planHold(row, turn.epoch, order)));
  const count = fitting(plans, mostCost / parts);
  const hasMore = count < plans.length || rows.length === most;
  const last = count < plans.length ? tried[count - 1] : rows.at(-1);
  const kept = plans.slice(0, count);
  return {
    turn,
    next: last === undefined || !hasMore ? undefined : turnAfter(turn, last),
    planned: kept.flatMap((one) => ('operation' in one ? one : [])),
    stuck: kept.flatMap((one) => ('cause' in one ? one : [])),
    resting: rows.length - tried.length,
  };
}

/** A hold with its plan; one that cannot be planned; or one that is left to the next pass. */
type PlannedHold = Planned | StuckHold | { readonly isLater: true };

async function planHold(
  row: CallRow,
  epoch: number,
  { plan, onEnded, isStoreWide, isTransient }: SweepPartOrder,
): Promise<PlannedHold> {
  const { org_id: orgId, request_id: requestId } = row;
  try {
    const completion = {
      resolve: (isEnded: boolean) => (isEnded ? onEnded() : undefined),
      reject: () => undefined,
    };
    const operation = expireOperation({ orgId, requestId, plan }, completion);
    const planned = await operation.plan(knownCall(row), epoch);
    if (planned === undefined) throw new Error('a hold that was read as open is not');
    return { operation, plan: planned, attempt: 'decideFirst' };
  } catch (cause) {
    // Planning reads policies: what keeps the store from answering is no fault of the hold.
    if (isStoreWide(cause)) throw cause;
    return isTransient(cause) ? { isLater: true } : { orgId, requestId, cause };
  }
}

/** How many of the plans have room in a transaction, by their meters: one at least. */
function fitting(plans: readonly PlannedHold[], room: number): number {
  let meters = 0;
  const past = plans.findIndex((one, at) => {
    meters += 'operation' in one ? one.plan.meters.length : 0;
    return at > 0 && meters > room;
  });
  return past < 0 ? plans.length : past;
}

/** The turn behind the last hold that was found; after a failure it tries more holds again, step by step. */
function turnAfter(turn: SweepTurn, last: CallRow): SweepTurn {
  return {
    ...turn,
    after: { expiresAtMs: Number(last.expires_at), requestId: last.request_id },
    mostHolds: Math.min(turn.mostHolds * 2, mostHoldsOfPiece),
    tries: 0,
  };
}
