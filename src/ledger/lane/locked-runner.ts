import { setImmediate as turn } from 'node:timers/promises';
import { attempt } from './attempt.ts';
import type { AttemptOptions, AttemptResults } from './attempt.ts';
import type { FindLocked } from './find-locked.ts';
import type { LaneOptions } from './lane-options.ts';
import type { Planned } from './planned.ts';
import { organizationsOf } from './organizations-of.ts';
import type { WaitingOrganizations } from './waiting-organizations.ts';

/** What runs the batches of locked organizations. */
export interface LockedRunnerOptions extends Pick<
  LaneOptions,
  'maxBatch' | 'perOrganization' | 'lockTimeoutMs' | 'findLocked'
> {
  /** Runs batches on a connection of their own, so that no other operation waits behind a locked row. */
  readonly attempt: AttemptOptions;
  readonly apply: AttemptResults['apply'];
  /** Called with a batch that waited too long. */
  readonly locked: (batch: readonly Planned[], cause: unknown) => void;
  /** Takes the operations of an organization that is no longer locked. */
  readonly release: (operations: readonly Planned[]) => void;
}

/** Runs batches while operations wait. */
export interface LockedRunner {
  /** Operations in the batch that is run. */
  readonly underWay: number;
  /** To be called after operations were added. */
  wake(): void;
}

/** A batch that took no more than this part of a lock timeout has hardly waited for another session. */
const quick = 1 / 2;

/** Runs batches of the organizations that wait, one after another. */
export function createLockedRunner(
  waiting: WaitingOrganizations,
  options: LockedRunnerOptions,
): LockedRunner {
  const { apply, locked, perOrganization } = options;
  const chooseFree = createChooser(options.findLocked);
  let underWay = 0;
  let isRunning = false;

  function passed(batch: readonly Planned[], isQuick: boolean): void {
    for (const orgId of organizationsOf(batch)) {
      if (isQuick) options.release(waiting.remove(orgId));
      else Object.assign(waiting.of(orgId), { isLocked: false, isSeparate: perOrganization });
    }
  }

  /** Operations that are to be run alone bring no others into a batch with them. */
  function again(batch: readonly Planned[]): void {
    waiting.putBack(batch);
    for (const { operation, attempt: next } of batch) {
      if (next === 'alone') waiting.of(operation.orgId).isSeparate = true;
    }
  }

  async function runNext(): Promise<void> {
    const batch = waiting.take(options.maxBatch, await chooseFree(waiting.heads()));
    underWay = batch.length;
    const startedMs = options.attempt.now();
    let hasPassed = false;
    const runBatch: AttemptOptions['runBatch'] = async (awaited, onSent) => {
      const results = await options.attempt.runBatch(awaited, onSent);
      hasPassed = true;
      return results;
    };
    const results = { apply, again, locked, onSent: () => undefined };
    await attempt(batch, { ...options.attempt, runBatch }, results);
    underWay = 0;
    if (hasPassed)
      passed(batch, options.attempt.now() - startedMs <= options.lockTimeoutMs * quick);
  }

  /** Each turn waits in the database, or answers operations; so this does not spin. */
  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.size > 0) {
      await turn();
      await runNext();
    }
    isRunning = false;
  }

  return {
    get underWay() {
      return underWay;
    },
    wake(): void {
      if (!isRunning) void run();
    },
  };
}

/**
 * Chooses organizations for the next batch: every other time those that are not locked at this moment, where
 * there are any. So one that becomes free is served at once, however many others stay locked; and the others get
 * their turns of waiting, without which a row that is hardly ever free could never be had.
 */
function createChooser(findLocked: FindLocked) {
  let isTurnOfFree = false;
  return async (heads: readonly Planned[]): Promise<(orgId: string) => boolean> => {
    isTurnOfFree = !isTurnOfFree;
    if (!isTurnOfFree || heads.length < 2) return () => true;
    const locked = await findLocked(heads);
    if (locked === undefined || locked.size === heads.length) return () => true;
    return (orgId) => !locked.has(orgId);
  };
}
