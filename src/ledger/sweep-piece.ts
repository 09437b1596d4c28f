import { DecisionFault } from './decision-fault.ts';
import type { Fate } from './lane.ts';
import type { ClosePlanner } from './ledger.ts';
import { planPart } from './sweep-plan.ts';
import type { StuckHold, SweepPart, SweepPartOrder } from './sweep-plan.ts';
import type { SweepStore } from './sweep-store.ts';
import { mostHoldsOfPiece } from './sweep-turns.ts';
import type { SweepTurn } from './sweep-turns.ts';

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

/**
 * Ends holds of some organizations in one transaction. If their data make it fail, each of them has the next
 * one for itself, with fewer and fewer holds: so a hold that cannot be ended is found, and passed over.
 */
export function createSweepPiece(options: SweepPieceOptions) {
  const { store, plan, monotonicMs } = options;

  async function end(
    parts: readonly SweepPart[],
  ): Promise<Pick<SweepPiece, 'stuck' | 'again' | 'workMs'>> {
    const batch = parts.flatMap((part) => part.planned);
    if (batch.length === 0) {
      return { stuck: [], again: parts.flatMap(({ next }) => next ?? []), workMs: 0 };
    }
    const startedMs = monotonicMs();
    try {
      const { fates, workMs } = await store.run(batch);
      return { stuck: [], again: afterBatch(parts, fates), workMs };
    } catch (cause) {
      if (options.isStoreWide(cause)) throw cause;
      const result = afterFailure(parts, cause, options.isTransient(cause));
      return { ...result, workMs: monotonicMs() - startedMs };
    }
  }

  return async function runPiece({ turns, nowMs, isResting }: SweepPieceOrder) {
    const startedMs = monotonicMs();
    const share = Math.ceil(mostHoldsOfPiece / turns.length);
    const most = ({ mostHolds }: SweepTurn): number => Math.min(mostHolds, share);
    const found = await store.holds(turns, most, nowMs);
    let ended = 0;
    const onEnded = (): void => {
      ended += 1;
    };
    const order = { parts: turns.length, isResting, plan, onEnded };
    const parts = await Promise.all(
      turns.map((turn, at) => planPart(turn, found[at] ?? [], { ...order, most: most(turn) })),
    );
    const readMs = monotonicMs() - startedMs;
    const done = await end(parts);
    return {
      ...done,
      ended,
      stuck: [...parts.flatMap((part) => part.stuck), ...done.stuck],
      resting: parts.reduce((sum, part) => sum + part.resting, 0),
      workMs: readMs + done.workMs,
    };
  };
}

/** Who has another turn; where a plan proved old, it is at the same place. */
function afterBatch(parts: readonly SweepPart[], fates: readonly Fate[]): SweepTurn[] {
  const again: SweepTurn[] = [];
  let at = 0;
  for (const { turn, next, planned } of parts) {
    const own = fates.slice(at, at + planned.length);
    at += planned.length;
    for (const fate of own) if (fate.kind === 'done') fate.answer();
    const epochs = own.flatMap((fate) => (fate.kind === 'replan' ? fate.epoch : []));
    if (epochs.length === 0) again.push(...(next === undefined ? [] : [next]));
    else if (turn.tries < mostTries) {
      again.push({ ...turn, tries: turn.tries + 1, epoch: Math.max(turn.epoch, ...epochs) });
    }
  }
  return again;
}

function afterFailure(
  parts: readonly SweepPart[],
  failure: unknown,
  isTransient: boolean,
): Pick<SweepPiece, 'stuck' | 'again'> {
  const [part, another] = parts;
  if (part === undefined) return { stuck: [], again: [] };
  if (another !== undefined) {
    return { stuck: [], again: parts.map(({ turn }) => ({ ...turn, isAlone: true })) };
  }
  // The organization is locked by others: it is left to the next pass.
  if (isTransient) return { stuck: [], again: [] };
  const { turn, next, planned } = part;
  const [hold, ...others] = planned;
  if (hold === undefined || others.length > 0) {
    return { stuck: [], again: [{ ...turn, mostHolds: Math.ceil(planned.length / 4) }] };
  }
  const { orgId, requestId } = hold.operation;
  const cause = failure instanceof DecisionFault ? failure.cause : failure;
  return { stuck: [{ orgId, requestId, cause }], again: next === undefined ? [] : [next] };
}
