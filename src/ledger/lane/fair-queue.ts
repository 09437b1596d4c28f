import { callKey } from '../calls/call-key.ts';
import { costOf, mostCost } from './batch-cost.ts';
import type { Attempt } from './planned.ts';
import type { Operation, Plan } from '../operations/operation.ts';

/** What waits in a fair queue. */
export interface Queued {
  readonly operation: Pick<Operation, 'orgId' | 'requestId'>;
  readonly plan: Pick<Plan, 'meters' | 'limitCount'>;
  /** With `alone` it goes into a batch by itself. */
  readonly attempt: Attempt;
}

/**
 * Operations that wait for a batch, in a queue per organization. Batches are taken by round robin, so an
 * organization with one operation waiting is in the next batch, however many another one has waiting. Room is
 * counted in operations and in what they cost.
 *
 * Operations of one request id keep their order. An operation overtakes others of its organization only where
 * those repeat a request id of the batch.
 */
export interface FairQueue<Item extends Queued> {
  readonly size: number;
  push(item: Item): void;
  /**
   * Takes at most `most` operations that cost `mostCost` at most, each request id once; one at least, if any waits.
   */
  take(most: number): Taken<Item>;
}

/** What was taken for a batch. */
export interface Taken<Item> {
  readonly items: readonly Item[];
  /**
   * Puts operations of the batch back to the front of their organizations' queues, in their order. These
   * organizations get back the turns that they had before, so none overtakes another by it.
   */
  putBack(items: readonly Item[]): void;
}

/** The operations of one organization. The organization with the lowest turn is served first. */
interface Line<Item> {
  items: Item[];
  turn: number;
}

type Lines<Item> = Map<string, Line<Item>>;

/**
 * Creates an empty queue. With `perOrganization` a batch holds operations of one organization only, and the
 * organizations take turns.
 */
export function createFairQueue<Item extends Queued>(perOrganization: boolean): FairQueue<Item> {
  /** The organizations with operations waiting, by turn. */
  let waiting: Lines<Item> = new Map();
  let size = 0;
  let lastTurn = 0;
  const nextTurn = (): number => (lastTurn += 1);

  /** `turns`: which turn the organizations of the batch had before. */
  function takeRound(
    batch: Batch<Item>,
    passedOver: Lines<Item>,
    turns: Map<string, number>,
  ): void {
    const share = Math.max(1, Math.floor(batch.room() / waiting.size));
    const cost = Math.floor(batch.costRoom() / waiting.size);
    const round = [...waiting];
    for (const [orgId, line] of round) {
      if (batch.room() === 0) return;
      waiting.delete(orgId);
      const most = Math.min(share, batch.room());
      const taken = takeFrom(line.items, batch, { most, mostCost: cost });
      size -= taken;
      if (taken > 0) {
        if (!turns.has(orgId)) turns.set(orgId, line.turn);
        line.turn = nextTurn();
      }
      if (line.items.length > 0) (taken === 0 ? passedOver : waiting).set(orgId, line);
    }
  }

  function take(most: number): Taken<Item> {
    const batch = createBatch<Item>(most, perOrganization);
    const passedOver: Lines<Item> = new Map();
    const turns = new Map<string, number>();
    while (waiting.size > 0 && batch.room() > 0) takeRound(batch, passedOver, turns);
    if (passedOver.size > 0) waiting = byTurn([...passedOver, ...waiting]);
    return { items: batch.items, putBack: (items) => putBack(items, turns) };
  }

  function putBack(items: readonly Item[], turns: ReadonlyMap<string, number>): void {
    waiting = withReturned(waiting, items, turns);
    size += items.length;
  }

  return {
    get size() {
      return size;
    },
    push(item) {
      const { orgId } = item.operation;
      const line = waiting.get(orgId);
      if (line === undefined) waiting.set(orgId, { items: [item], turn: nextTurn() });
      else line.items.push(item);
      size += 1;
    },
    take,
  };
}

/** `turns`: those that the organizations of the returned operations had before. */
function withReturned<Item extends Queued>(
  waiting: Lines<Item>,
  items: readonly Item[],
  turns: ReadonlyMap<string, number>,
): Lines<Item> {
  const lines: Lines<Item> = new Map(waiting);
  for (const [orgId, returned] of Map.groupBy(items, ({ operation }) => operation.orgId)) {
    const line = waiting.get(orgId);
    const turn = Math.min(turns.get(orgId) ?? Infinity, line?.turn ?? Infinity);
    lines.set(orgId, { items: returned.concat(line?.items ?? []), turn });
  }
  return byTurn([...lines]);
}

function byTurn<Item>(lines: [string, Line<Item>][]): Lines<Item> {
  return new Map(lines.toSorted(([, a], [, b]) => a.turn - b.turn));
}

/** A batch while it is taken. */
interface Batch<Item> {
  readonly items: Item[];
  /** How many more operations it may hold. */
  room(): number;
  /** What more operations may cost. */
  costRoom(): number;
  mayHold(item: Item): boolean;
  /** Whether an operation with its request id is in the batch. */
  repeats(item: Item): boolean;
  add(item: Item): void;
}

function createBatch<Item extends Queued>(most: number, perOrganization: boolean): Batch<Item> {
  const items: Item[] = [];
  const ids = new Set<string>();
  let costRoom = mostCost;
  const idOf = ({ operation }: Item): string => callKey(operation.orgId, operation.requestId);
  return {
    items,
    room: () => (items[0]?.attempt === 'alone' ? 0 : Math.max(0, most - items.length)),
    costRoom: () => costRoom,
    mayHold({ attempt, operation, plan }) {
      const [first] = items;
      if (first === undefined) return true;
      if (costOf(plan) > costRoom) return false;
      return attempt !== 'alone' && !(perOrganization && first.operation.orgId !== operation.orgId);
    },
    repeats: (item) => ids.has(idOf(item)),
    add(item) {
      items.push(item);
      costRoom -= costOf(item.plan);
      ids.add(idOf(item));
    },
  };
}

/** Repeats that are looked past in one organization's queue: more of them end its turn. */
const mostRepeats = 256;

/** What an organization may have of a batch in one turn: one operation always, more within both bounds. */
interface Turn {
  readonly most: number;
  readonly mostCost: number;
}

/** Moves operations from the front of an organization's queue into the batch; the number moved. */
function takeFrom<Item extends Queued>(items: Item[], batch: Batch<Item>, turn: Turn): number {
  const repeats: Item[] = [];
  const last = batch.costRoom() - turn.mostCost;
  let taken = 0;
  let looked = 0;
  for (const item of items) {
    const isOver = taken > 0 && batch.costRoom() - costOf(item.plan) < last;
    const isFull = taken === turn.most || batch.room() === 0 || repeats.length === mostRepeats;
    if (isFull || isOver || !batch.mayHold(item)) break;
    looked += 1;
    if (batch.repeats(item)) {
      repeats.push(item);
    } else {
      batch.add(item);
      taken += 1;
    }
  }
  items.splice(0, looked, ...repeats);
  return taken;
}
