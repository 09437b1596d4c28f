import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSweepPass } from '../../../src/ledger/sweep/pass.ts';
import { leaseMs } from '../../../src/ledger/sweep/store.ts';
import type { SweepStore } from '../../../src/ledger/sweep/store.ts';
import { createSweepTurns } from '../../../src/ledger/sweep/turns.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const sleep = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/*
 * Seen red with a search that does not break off: the lease ended during each search, the other replica took it, and
 * no pass came to its first piece.
 */
test('replicas whose whole search takes longer than the lease end holds all the same', async () => {
  let lease = { holder: '', untilMs: 0 };
  const orgIds = Array.from({ length: 250 }, (_, index) => `org-${1000 + index}`);
  const ended: string[] = [];
  const store: SweepStore = {
    takeLease(holder) {
      if (lease.holder !== holder && lease.untilMs > Date.now()) return Promise.resolve(false);
      lease = { holder, untilMs: Date.now() + leaseMs };
      return Promise.resolve(true);
    },
    leaveLease: () => Promise.resolve(),
    now: () => Promise.resolve(Date.now()),
    // Each organization takes ten milliseconds. The last one has a hold that is due.
    async organizations(after, _most, { mayGoOn = () => true } = {}) {
      let last = after;
      for (const orgId of orgIds.filter((id) => id > after)) {
        if (!mayGoOn()) return { due: [], goOnAfter: last };
        await sleep(10);
        last = orgId;
      }
      return { due: orgIds.slice(-1), goOnAfter: undefined };
    },
    holds: () => Promise.resolve([]),
    run: () => Promise.resolve({ results: [], workMs: 0 }),
    close: () => Promise.resolve(),
  };
  const { signal } = new AbortController();
  const replica = async (): Promise<void> => {
    const pass = createSweepPass({
      store,
      runPiece: ({ turns }) => {
        ended.push(...turns.map(({ orgId }) => orgId));
        return Promise.resolve({ ended: 1, stuck: [], resting: 0, again: [], workMs: 1 });
      },
      newTurns: () => createSweepTurns(1),
      organizationsOfPage: 1000,
      monotonicMs: () => Date.now(),
      pause: sleep,
    });
    while (ended.length === 0) {
      await pass(signal);
      await sleep(1000);
    }
  };
  const running = Promise.all([replica(), replica()]);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(ended[0]).toBe(orgIds.at(-1));
  await running;
});
