import { LocalFault } from '../../db/wire/local-fault.ts';
import type { OperationResult } from '../lane/planned.ts';
import type { ClosePlanner } from '../ledger.ts';
import { planPart } from './plan.ts';
import type { StuckHold, SweepPart, SweepPartOrder } from './plan.ts';
import type { SweepStore } from './store.ts';
import { mostHoldsOfPiece } from './turns.ts';
import type { SweepTurn } from './turns.ts';

/** What a piece is run with. */
export interface SweepPieceOptions {
  readonly store: SweepStore;
  readonly plan: ClosePlanner;
  /** Whether a failure is about the store as a whole: then no other transaction would succeed. */
  readonly isStoreWide: (cause: unknown) => boolean;
  /** Whether a transaction failed for what others did meanwhile, so that it may succeed later. */
  readonly isTransient: (cause: unknown) => boolean;
  readonly monotonicMs: () => number;
}

/** Which holds a piece may end. */
export interface SweepPieceOrder extends Pick<SweepPartOrder, 'isResting'> {
  readonly turns: readonly SweepTurn[];
  /** What they are compared with; undefined: the time of the database. */
  readonly nowMs?: number;
  /** Whether an organization that is locked by others is tried again soon; else it is left to the next pass. */
  readonly isUrgent: boolean;
}

/** What became of a piece. */
export interface SweepPiece {
  readonly ended: number;
  readonly stuck: readonly StuckHold[];
  /** Holds that were left out. */
  readonly resting: number;
  /** Organizations that have more, or are to be tried again. */
  readonly again: readonly SweepTurn[];
  /** Without the time that it waited for its locks. */
  readonly workMs: number;
}

/** Turns of an organization without progress; then it is left to the next pass. */
const mostTries = 5;

/** What a transaction did for its parts. */
interface Result {
  /** Parts that are done, so that their organizations go on behind them. */
  readonly past: readonly SweepPart[];
  /** Organizations that are tried again at the same place. */
  readonly again: readonly SweepTurn[];
  readonly stuck: readonly StuckHold[];
}

/**
 * Ends holds of some organizations in one transaction. If their data make it fail, each of them has the next
 * one for itself, with fewer and fewer holds: so a hold that cannot be ended is found, and passed over.
 */
export function createSweepPiece(options: SweepPieceOptions) {
  const { store, plan, monotonicMs } = options;

  async function end(
    parts: readonly SweepPart[],
    isUrgent: boolean,
  ): Promise<Result & Pick<SweepPiece, 'workMs'>> {
    const batch = parts.flatMap((part) => part.planned);
    if (batch.length === 0) return { past: parts, again: [], stuck: [], workMs: 0 };
    const startedMs = monotonicMs();
    try {
      const { results, workMs } = await store.run(batch);
      return { ...afterBatch(parts, results), workMs };
    } catch (cause) {
      if (options.isStoreWide(cause)) throw cause;
      const tries = isUrgent ? mostTries : 0;
      const result = options.isTransient(cause)
        ? afterConflict(parts, cause, tries)
        : afterFailure(parts, cause);
      return { ...result, workMs: monotonicMs() - startedMs };
    }
  }

  return async function runPiece(order: SweepPieceOrder): Promise<SweepPiece> {
    const { turns, isResting } = order;
    const startedMs = monotonicMs();
    const share = Math.ceil(mostHoldsOfPiece / turns.length);
    const most = ({ mostHolds }: SweepTurn): number => Math.min(mostHolds, share);
    const found = await store.holds(turns, most, order.nowMs);
    let ended = 0;
    const onEnded = (): void => {
      ended += 1;
    };
    const { isStoreWide, isTransient } = options;
    const planning = { parts: turns.length, isResting, plan, isStoreWide, isTransient, onEnded };
    const parts = await Promise.all(
      turns.map((turn, at) => planPart(turn, found[at] ?? [], { ...planning, most: most(turn) })),
    );
    const readMs = monotonicMs() - startedMs;
    const { past, again, stuck, workMs } = await end(parts, order.isUrgent);
    return {
      ended,
      stuck: [...past.flatMap((part) => part.stuck), ...stuck],
      resting: past.reduce((sum, part) => sum + part.resting, 0),
      again: [...past.flatMap(({ next }) => next ?? []), ...again],
      workMs: readMs + workMs,
    };
  };
}

/** Where a plan proved old, the organization has another turn at the same place. */
function afterBatch(parts: readonly SweepPart[], results: readonly OperationResult[]): Result {
  const past: SweepPart[] = [];
  const again: SweepTurn[] = [];
  let at = 0;
  for (const part of parts) {
    const own = results.slice(at, at + part.planned.length);
    at += part.planned.length;
    for (const result of own) if (result.kind === 'done') result.answer();
    const epochs = own.flatMap((result) => (result.kind === 'replan' ? result.epoch : []));
    const { turn } = part;
    if (epochs.length === 0) past.push(part);
    else if (turn.tries < mostTries) {
      again.push({ ...turn, tries: turn.tries + 1, epoch: Math.max(turn.epoch, ...epochs) });
    }
  }
  return { past, again, stuck: [] };
}

/** An organization was locked by others for too long, or similar. */
function afterConflict(parts: readonly SweepPart[], cause: unknown, mostTimes: number): Result {
  const [part, another] = parts;
  if (part === undefined || another !== undefined) return eachAlone(parts);
  const { turn, planned } = part;
  if (turn.tries < mostTimes) {
    return { past: [], again: [{ ...turn, tries: turn.tries + 1 }], stuck: [] };
  }
  return { past: [], again: [], stuck: mostTimes === 0 ? [] : stuckFor(cause, planned) };
}

/** A hold cannot be ended: which one is found by trying fewer. */
function afterFailure(parts: readonly SweepPart[], cause: unknown): Result {
  const [part, another] = parts;
  if (part === undefined || another !== undefined) return eachAlone(parts);
  const { turn, planned } = part;
  if (planned.length > 1) {
    const fewer = { ...turn, mostHolds: Math.ceil(planned.length / 4) };
    return { past: [], again: [fewer], stuck: [] };
  }
  return { past: [part], again: [], stuck: stuckFor(cause, planned) };
}

function eachAlone(parts: readonly SweepPart[]): Result {
  return { past: [], again: parts.map(({ turn }) => ({ ...turn, isAlone: true })), stuck: [] };
}

function stuckFor(failure: unknown, planned: SweepPart['planned']): StuckHold[] {
  const cause = failure instanceof LocalFault ? failure.cause : failure;
  return planned.slice(0, 1).map(({ operation: { orgId, requestId } }) => {
    return { orgId, requestId, cause };
  });
}
