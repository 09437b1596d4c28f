import { costOf, mostCost } from './batch-cost.ts';
import { createFairQueue } from './fair-queue.ts';
import type { FairQueue } from './fair-queue.ts';
import type { LaneOptions } from './lane-options.ts';
import type { Planned } from './planned.ts';

/** Operations of locked organizations, a queue for each organization. */
export interface WaitingOrganizations {
  /** Operations in all queues. */
  readonly size: number;
  has(orgId: string): boolean;
  /** The organization, added if it is not here. */
  of(orgId: string): WaitingOrganization;
  /** From now on the organization counts as locked by another session. */
  markLocked(orgId: string): void;
  push(planned: Planned): void;
  /** Returns operations to the front of their queues. */
  putBack(batch: readonly Planned[]): void;
  /** The first operation of each organization that has any. */
  heads(): readonly Planned[];
  /**
   * A batch of the organizations whose turn it is, of those that `isChosen` names: all that share a batch, or
   * one that does not.
   */
  take(most: number, isChosen: (orgId: string) => boolean): readonly Planned[];
  /** Takes all operations of organizations that count as locked, in order. */
  drainLocked(): readonly Planned[];
  /** Takes all operations of an organization, in order, and forgets it. */
  remove(orgId: string): readonly Planned[];
}

/** What is known of an organization here. */
export interface WaitingOrganization {
  readonly queue: FairQueue<Planned>;
  /** Another session has locked it. */
  isLocked: boolean;
  /** It shares no batch with others. */
  isSeparate: boolean;
}

/** Organizations that are remembered, although no operation of them waits. */
const mostRemembered = 1000;

/** Creates the queues. With `perOrganization` no two organizations share a batch. */
export function createWaitingOrganizations({
  perOrganization,
  onLocked,
  onSetAside,
}: Pick<LaneOptions, 'perOrganization' | 'onLocked' | 'onSetAside'>): WaitingOrganizations {
  /** The next one to be served comes first. */
  const organizations: Organizations = new Map();

  function of(orgId: string): WaitingOrganization {
    const known = organizations.get(orgId);
    if (known !== undefined) return known;
    const queue = createFairQueue<Planned>(true);
    const made = { queue, isLocked: false, isSeparate: perOrganization };
    organizations.set(orgId, made);
    onSetAside(1);
    if (organizations.size > mostRemembered) onSetAside(-forgetIdle(organizations));
    return made;
  }

  return {
    get size() {
      let size = 0;
      for (const { queue } of organizations.values()) size += queue.size;
      return size;
    },
    has: (orgId) => organizations.has(orgId),
    of,
    markLocked(orgId) {
      const organization = of(orgId);
      if (!organization.isLocked) onLocked(orgId);
      organization.isLocked = true;
    },
    push: (planned) => of(planned.operation.orgId).queue.push(planned),
    putBack(batch) {
      for (const [orgId, items] of Map.groupBy(batch, ({ operation }) => operation.orgId)) {
        const { queue } = of(orgId);
        for (const item of [...items, ...drain(queue)]) queue.push(item);
      }
    },
    heads: () => [...organizations.values()].flatMap(({ queue }) => headOf(queue)),
    take: (most, isChosen) => takeFrom(organizations, most, isChosen),
    drainLocked: () =>
      [...organizations.values()].flatMap(({ isLocked, queue }) => (isLocked ? drain(queue) : [])),
    remove(orgId) {
      const items = drain(of(orgId).queue);
      organizations.delete(orgId);
      onSetAside(-1);
      return items;
    },
  };
}

type Organizations = Map<string, WaitingOrganization>;

/** How many it has forgotten. */
function forgetIdle(organizations: Organizations): number {
  const before = organizations.size;
  for (const [orgId, { queue }] of organizations) {
    if (organizations.size <= mostRemembered) break;
    if (queue.size === 0) organizations.delete(orgId);
  }
  return before - organizations.size;
}

function headOf(queue: FairQueue<Planned>): readonly Planned[] {
  const head = queue.take(1);
  head.putBack(head.items);
  return head.items;
}

function drain(queue: FairQueue<Planned>): readonly Planned[] {
  const items: Planned[] = [];
  while (queue.size > 0) items.push(...queue.take(queue.size).items);
  return items;
}

function takeFrom(
  organizations: Organizations,
  most: number,
  isChosen: (orgId: string) => boolean,
): readonly Planned[] {
  const chosen = [...organizations].filter(
    ([orgId, { queue }]) => queue.size > 0 && isChosen(orgId),
  );
  const isFirstSeparate = chosen[0]?.[1].isSeparate === true;
  const together = isFirstSeparate
    ? chosen.slice(0, 1)
    : chosen.filter(([, { isSeparate }]) => !isSeparate);
  const share = Math.max(1, Math.floor(most / together.length));
  const batch: Planned[] = [];
  let cost = 0;
  for (const [orgId, organization] of together) {
    if (batch.length >= most || cost >= mostCost) break;
    // Its next turn comes after those of all others.
    organizations.delete(orgId);
    organizations.set(orgId, organization);
    const taken = organization.queue.take(share).items;
    for (const { plan } of taken) cost += costOf(plan);
    batch.push(...taken);
  }
  return batch;
}
