import type { Operation } from '../operations/operation.ts';
import type { FindLocked } from './find-locked.ts';
import type { LaneOptions } from './lane-options.ts';
import type { Planned } from './planned.ts';
import { createLockedRunner } from './locked-runner.ts';
import type { LockedRunnerOptions } from './locked-runner.ts';
import { organizationsOf } from './organizations-of.ts';
import { createWaitingOrganizations } from './waiting-organizations.ts';
import type { WaitingOrganizations } from './waiting-organizations.ts';

/** What locked organizations need of their lane. */
export type LockedOrganizationsOptions = Omit<LockedRunnerOptions, 'locked'> &
  Pick<LaneOptions, 'maxQueue' | 'onLocked' | 'onSetAside'>;

/** The share of the lane's places that may be taken here; what is more is answered as busy at once. */
const shareOfPlaces = 1 / 4;

/** An operation that has waited for so many lock timeouts is answered as busy while its organization is locked. */
const waitInLockTimeouts = 2.5;

/**
 * The organizations of a lane whose rows another session has locked for long: an administrator's transaction, a
 * replica that is paused or has a slow link. Their operations wait here, on a second connection, while all
 * other organizations go on.
 *
 * Many organizations are often locked by one transaction, and become free with it: so they wait in one batch. When
 * that has waited in vain, each of its organizations waits in a batch of its own; they take turns. An
 * organization is released after a batch that hardly had to wait.
 */
export interface LockedOrganizations {
  /** Operations that wait here or are under way. */
  readonly waiting: number;
  has(orgId: string): boolean;
  /** Lets an operation wait here whose organization is here already. */
  add(planned: Planned): void;
  /**
   * Lets those operations of a batch wait here whose organizations are locked, after the batch has waited too long
   * for a lock. Resolves to the others, which are to be run again.
   */
  setAside(batch: readonly Planned[], cause: unknown): Promise<readonly Planned[]>;
}

/** Creates it without any organization. */
export function createLockedOrganizations(
  options: LockedOrganizationsOptions,
): LockedOrganizations {
  const { now } = options.attempt;
  const mostWaiting = Math.ceil(options.maxQueue * shareOfPlaces);
  const waitTimeoutMs = options.lockTimeoutMs * waitInLockTimeouts;
  const waiting = createWaitingOrganizations(options);
  /** When operations came here first. */
  const sinceMs = new WeakMap<Operation, number>();
  let lastCause: unknown;

  function fail(planned: Planned): void {
    const cause = options.attempt.failure(lastCause);
    options.apply(planned, { kind: 'failed', cause });
  }

  function hasWaited({ operation }: Planned): boolean {
    return now() - (sinceMs.get(operation) ?? 0) >= waitTimeoutMs;
  }

  const runner = createLockedRunner(waiting, {
    ...options,
    locked(batch, cause) {
      lastCause = cause;
      putBackLocked(waiting, batch);
      for (const planned of waiting.drainLocked()) {
        if (hasWaited(planned)) fail(planned);
        else waiting.push(planned);
      }
    },
  });

  function add(planned: Planned): void {
    if (waiting.size >= mostWaiting) return fail(planned);
    if (!sinceMs.has(planned.operation)) sinceMs.set(planned.operation, now());
    waiting.push(planned);
    runner.wake();
  }

  async function setAside(batch: readonly Planned[], cause: unknown): Promise<readonly Planned[]> {
    lastCause = cause;
    const isHere = ({ operation }: Planned): boolean => waiting.has(operation.orgId);
    if (!batch.some(isHere)) await markSuspects(waiting, batch, options.findLocked);
    const others = batch.filter((planned) => !isHere(planned));
    for (const planned of batch) if (isHere(planned)) add(planned);
    return others;
  }

  return {
    get waiting() {
      return waiting.size + runner.underWay;
    },
    has: (orgId) => waiting.has(orgId),
    add,
    setAside,
  };
}

/** One organization that waits in vain is locked; of several, one is. */
function putBackLocked(waiting: WaitingOrganizations, batch: readonly Planned[]): void {
  const orgIds = organizationsOf(batch);
  for (const orgId of orgIds) {
    if (orgIds.size > 1) waiting.of(orgId).isSeparate = true;
    else waiting.markLocked(orgId);
  }
  waiting.putBack(batch);
}

/**
 * Adds the organizations that a batch waited for, or may have waited for. Where no locked row is seen, that is none: the
 * batch is run once more, and if it fails again, each of its organizations is suspected.
 */
async function markSuspects(
  waiting: WaitingOrganizations,
  batch: readonly Planned[],
  findLocked: FindLocked,
): Promise<void> {
  const suspect = (orgIds: Iterable<string>): void => {
    for (const orgId of orgIds) waiting.of(orgId).isSeparate = true;
  };
  const orgIds = organizationsOf(batch);
  const repeated = batch.filter(({ attempt }) => attempt === 'retried');
  if (orgIds.size > 1 && repeated.length > 0) return suspect(organizationsOf(repeated));
  const locked = orgIds.size === 1 ? orgIds : await findLocked(batch);
  if (locked === undefined) return suspect(orgIds);
  for (const orgId of locked) waiting.markLocked(orgId);
}
