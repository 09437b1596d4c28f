import { callKey } from '../calls/call-key.ts';
import type { Attempt } from './planned.ts';
import type { Operation, Plan } from '../operations/operation.ts';

/** What waits in a fair queue. */
export interface Queued {
  readonly operation: Pick<Operation, 'orgId' | 'requestId'>;
  readonly plan: Pick<Plan, 'meters'>;
  /** With `alone` it goes into a batch by itself. */
  readonly attempt: Attempt;
}

/**
 * Operations that wait for a batch, in a queue per organization. Batches are taken by round robin, so an
 * organization with one operation waiting is in the next batch, however many another one has waiting. Room is
 * counted in operations and in meters, which are what an operation costs the database.
 *
 * Operations of one request id keep their order. An operation overtakes others of its organization only where
 * those repeat a request id of the batch.
 */
export interface FairQueue<Item extends Queued> {
  readonly size: number;
  push(item: Item): void;
  /** Returns what was taken to the front, in its order. */
  putBack(items: readonly Item[]): void;
  /**
   * Takes at most `most` operations on at most `mostMeters` meters, each request id once; one at least, if
   * any waits.
   */
  take(most: number): Item[];
}

/** Meters of one batch, counted per operation. A batch of 256 usual calls has some 2,000. */
export const mostMeters = 8192;

/**
 * Creates an empty queue. With `perOrganization` a batch holds operations of one organization only, and the
 * organizations take turns.
 */
export function createFairQueue<Item extends Queued>(perOrganization: boolean): FairQueue<Item> {
  /** The organizations with operations waiting; the next one to be served comes first. */
  let waiting = new Map<string, Item[]>();
  let size = 0;

  function takeRound(batch: Batch<Item>, passedOver: Map<string, Item[]>): void {
    const share = Math.max(1, Math.floor(batch.room() / waiting.size));
    const meters = Math.floor(batch.meterRoom() / waiting.size);
    const round = [...waiting];
    for (const [orgId, items] of round) {
      if (batch.room() === 0) return;
      waiting.delete(orgId);
      const most = Math.min(share, batch.room());
      const taken = takeFrom(items, batch, { most, mostMeters: meters });
      size -= taken;
      if (items.length > 0) (taken === 0 ? passedOver : waiting).set(orgId, items);
    }
  }

  /** An organization that could not be served comes first in the next batch. */
  function take(most: number): Item[] {
    const batch = createBatch<Item>(most, perOrganization);
    const passedOver = new Map<string, Item[]>();
    while (waiting.size > 0 && batch.room() > 0) takeRound(batch, passedOver);
    if (passedOver.size > 0) waiting = new Map([...passedOver, ...waiting]);
    return batch.items;
  }

  return {
    get size() {
      return size;
    },
    push(item) {
      const { orgId } = item.operation;
      const items = waiting.get(orgId);
      if (items === undefined) waiting.set(orgId, [item]);
      else items.push(item);
      size += 1;
    },
    putBack(items) {
      const first = Map.groupBy(items, ({ operation }) => operation.orgId);
      for (const [orgId, returned] of first) {
        first.set(orgId, returned.concat(waiting.get(orgId) ?? []));
        waiting.delete(orgId);
      }
      waiting = new Map([...first, ...waiting]);
      size += items.length;
    },
    take,
  };
}

/** A batch while it is taken. */
interface Batch<Item> {
  readonly items: Item[];
  /** How many more operations it may hold. */
  room(): number;
  /** How many more meters. */
  meterRoom(): number;
  mayHold(item: Item): boolean;
  /** Whether an operation with its request id is in the batch. */
  repeats(item: Item): boolean;
  add(item: Item): void;
}

function createBatch<Item extends Queued>(most: number, perOrganization: boolean): Batch<Item> {
  const items: Item[] = [];
  const ids = new Set<string>();
  let meterRoom = mostMeters;
  const idOf = ({ operation }: Item): string => callKey(operation.orgId, operation.requestId);
  return {
    items,
    room: () => (items[0]?.attempt === 'alone' ? 0 : Math.max(0, most - items.length)),
    meterRoom: () => meterRoom,
    mayHold({ attempt, operation, plan }) {
      const [first] = items;
      if (first === undefined) return true;
      if (plan.meters.length > meterRoom) return false;
      return attempt !== 'alone' && !(perOrganization && first.operation.orgId !== operation.orgId);
    },
    repeats: (item) => ids.has(idOf(item)),
    add(item) {
      items.push(item);
      meterRoom -= item.plan.meters.length;
      ids.add(idOf(item));
    },
  };
}

/** Repeats that are looked past in one organization's queue: more of them end its turn. */
const mostRepeats = 256;

/** What an organization may have of a batch in one turn: one operation always, more within both bounds. */
interface Turn {
  readonly most: number;
  readonly mostMeters: number;
}

/** Moves operations from the front of an organization's queue into the batch; the number moved. */
function takeFrom<Item extends Queued>(items: Item[], batch: Batch<Item>, turn: Turn): number {
  const repeats: Item[] = [];
  const last = batch.meterRoom() - turn.mostMeters;
  let taken = 0;
  let looked = 0;
  for (const item of items) {
    const isOver = taken > 0 && batch.meterRoom() - item.plan.meters.length < last;
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
