/** An organization with holds that are due, and how far the sweep is with it. */
export interface SweepTurn {
  readonly orgId: string;
  /** The last hold that was dealt with, in the order in which holds expire. */
  readonly after: HoldPlace;
  /** Plans must have at least this epoch. */
  readonly epoch: number;
  /** Holds of its next transaction, at most. */
  readonly mostHolds: number;
  /** It has a transaction of its own: one that it shared has failed. */
  readonly isAlone: boolean;
  /** How often it made no progress. */
  readonly tries: number;
}

/** A hold's place in the order in which the holds of an organization expire. */
export interface HoldPlace {
  readonly expiresAtMs: number;
  readonly requestId: string;
}

/** Organizations that wait for their turn, each at most once. */
export interface SweepTurns {
  readonly isEmpty: boolean;
  /** Lets organizations wait that do not wait yet. */
  add(orgIds: readonly string[]): void;
  /** Takes those whose holds are ended in the next transaction, the longest waiting first. */
  take(): readonly SweepTurn[];
  /** Lets one wait for its next turn, behind all others. */
  again(turn: SweepTurn): void;
}

/** Holds of one transaction: the rows of an organization are locked for some ten milliseconds. */
export const mostHoldsOfPiece = 256;

/** Creates the queue. At most `mostOfPiece` organizations share a transaction. */
export function createSweepTurns(mostOfPiece: number): SweepTurns {
  const waiting = new Map<string, SweepTurn>();
  return {
    get isEmpty() {
      return waiting.size === 0;
    },
    add(orgIds) {
      for (const orgId of orgIds) if (!waiting.has(orgId)) waiting.set(orgId, firstTurn(orgId));
    },
    take() {
      const taken: SweepTurn[] = [];
      for (const turn of waiting.values()) {
        if (taken.length > 0 && turn.isAlone) break;
        taken.push(turn);
        if (turn.isAlone || taken.length === mostOfPiece) break;
      }
      for (const { orgId } of taken) waiting.delete(orgId);
      return taken;
    },
    again(turn) {
      waiting.set(turn.orgId, turn);
    },
  };
}

function firstTurn(orgId: string): SweepTurn {
  const after = { expiresAtMs: -1, requestId: '' };
  return { orgId, after, epoch: 0, mostHolds: mostHoldsOfPiece, isAlone: false, tries: 0 };
}
