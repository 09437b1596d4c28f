import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLane } from '../../../src/ledger/lane/lane.ts';
import type { RunBatch } from '../../../src/ledger/lane/lane-options.ts';
import type { Planned } from '../../../src/ledger/lane/planned.ts';
import type { Plan } from '../../../src/ledger/operations/operation.ts';

/*
 * A lane whose batches end when the test says so, on a clock that the test moves. The same on a real PostgreSQL is in
 * locked-organizations.test.ts.
 *
 * Planted one at a time, and each seen red: a look for locked organizations while another batch of the lane is under way; turns
 * without a look for those that are free; no bound for what waits, or for how long; a statement timeout that fails the
 * whole batch; an organization that is released and still counts as set aside;
 * two batches under way whatever they take.
 */
const plan: Plan = {
  epoch: 1,
  calendar: { timeZone: 'UTC', weekStart: 1, monthAnchorDay: 1 },
  known: undefined,
  bookedAtMs: undefined,
  meters: [],
  inFlight: 0n,
  counters: [],
  isAddedAfter: false,
  decide: () => expect.fail('no batch gets to a database'),
};
const lockTimeoutMs = 100;

class LockTimeout extends Error {}
class StatementTimeout extends Error {}

/** A batch that has been sent. */
interface Sent {
  readonly orgIds: readonly string[];
  pass(): void;
  fail(cause: Error): void;
}

/** Keeps the batches that are sent until the test ends them; `answered` gets the organizations of those that pass. */
function createConnection(answered: string[]) {
  const underWay: Sent[] = [];
  const runBatch: RunBatch = (batch, onSent) => {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<RunBatch>>>();
    const orgIds = batch.map(({ operation }) => operation.orgId);
    const end = (): void => void underWay.splice(underWay.indexOf(sent), 1);
    const answer = (orgId: string) => () => void answered.push(orgId);
    const sent: Sent = {
      orgIds,
      pass() {
        end();
        resolve(orgIds.map((orgId) => ({ kind: 'done', answer: answer(orgId) })));
      },
      fail(cause) {
        end();
        reject(cause);
      },
    };
    underWay.push(sent);
    onSent();
    return promise;
  };
  return {
    underWay,
    runBatch,
    /** The batch that has been under way for longest, as soon as there is one. */
    async next(): Promise<Sent> {
      await settled();
      const [first] = underWay;
      if (first === undefined) throw new Error('no batch is under way');
      return first;
    },
  };
}

/** Nothing here waits for anything but turns of the event loop, and none for as many. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

function stage() {
  const answered: string[] = [];
  const refused: string[] = [];
  const lockedByOthers = new Set<string>();
  const setAside: string[] = [];
  const main = createConnection(answered);
  const second = createConnection(answered);
  const clock = { nowMs: 0, setAside: 0 };
  let requests = 0;

  /** As in the database: rows that a batch of one's own has locked cannot be told from others. */
  function findLocked(operations: readonly Planned[]): Promise<ReadonlySet<string>> {
    const own = new Set(main.underWay.flatMap(({ orgIds }) => orgIds));
    const found = operations
      .map(({ operation }) => operation.orgId)
      .filter((orgId) => lockedByOthers.has(orgId) || own.has(orgId));
    return Promise.resolve(new Set(found));
  }

  const lane = createLane({
    maxBatch: 64,
    maxQueue: 100,
    perOrganization: false,
    lockTimeoutMs,
    runBatch: main.runBatch,
    runLockedBatch: second.runBatch,
    findLocked,
    find: () => undefined,
    isRetryable: () => false,
    isLocked: (cause) => cause instanceof LockTimeout,
    isStatementTimeout: (cause) => cause instanceof StatementTimeout,
    isPoison: () => false,
    failure: (cause) => cause,
    now: () => clock.nowMs,
    onRefused: () => expect.fail('the lane has room'),
    onLocked: (orgId) => setAside.push(orgId),
    onSetAside: (change) => (clock.setAside += change),
  });

  function submit(...orgIds: readonly string[]): void {
    for (const orgId of orgIds) {
      requests += 1;
      lane.submit({
        orgId,
        requestId: `${requests}`,
        deadlineMs: undefined,
        needsCall: false,
        plan: () => plan,
        reject: () => refused.push(orgId),
      });
    }
  }

  return { main, second, clock, lockedByOthers, setAside, answered, refused, submit };
}

test('what another batch of the same lane has locked does not count as locked by another session', async () => {
  const { main, setAside, answered, lockedByOthers, submit } = stage();
  submit('ours', 'ours-too');
  const first = await main.next();
  submit('ours', 'locked');
  await settled();
  const [, later] = main.underWay;
  lockedByOthers.add('locked');
  later?.fail(new LockTimeout());
  await settled();
  expect(setAside).toEqual([]);
  first.pass();
  await settled();
  expect(setAside).toEqual(['locked']);
  (await main.next()).pass();
  await settled();
  expect(answered).toEqual(['ours', 'ours-too', 'ours']);
});

test('of many organizations that are locked, the one that becomes free is served within two turns', async () => {
  const { main, second, clock, lockedByOthers, answered, submit } = stage();
  const orgIds = Array.from({ length: 12 }, (_, number) => `many-${number}`);
  for (const orgId of orgIds) lockedByOthers.add(orgId);
  submit(...orgIds);
  await settled();
  for (const batch of main.underWay.toReversed()) batch.fail(new LockTimeout());
  for (let times = 0; times < 5; times += 1) (await second.next()).fail(new LockTimeout());
  expect(clock.setAside).toBe(12);

  const inVain = await second.next();
  const [free] = inVain.orgIds;
  // It had its turn this moment, so that by turns it would be the last one now.
  inVain.fail(new LockTimeout());
  if (free !== undefined) lockedByOthers.delete(free);
  for (let turns = 0; turns < 2 && answered.length === 0; turns += 1) {
    const next = await second.next();
    if (next.orgIds.some((orgId) => lockedByOthers.has(orgId))) next.fail(new LockTimeout());
    else next.pass();
    await settled();
  }
  expect(answered).toEqual([free]);
  expect(clock.setAside).toBe(11);
});

test('a quarter of the places may wait for locked organizations, and each for a bounded time', async () => {
  const { main, second, clock, lockedByOthers, answered, refused, submit } = stage();
  lockedByOthers.add('locked');
  submit('locked');
  (await main.next()).fail(new LockTimeout());
  const inVain = await second.next();
  submit(...Array.from({ length: 40 }, () => 'locked'), 'free');
  await settled();
  expect(refused).toHaveLength(15);
  (await main.next()).pass();
  await settled();
  expect(answered).toEqual(['free']);

  clock.nowMs += 2 * lockTimeoutMs;
  inVain.fail(new LockTimeout());
  const again = await second.next();
  expect(refused).toHaveLength(15);
  clock.nowMs += lockTimeoutMs;
  again.fail(new LockTimeout());
  await settled();
  expect(refused).toHaveLength(41);
});

test('organizations whose short locks add up to a statement timeout are run one by one', async () => {
  const { main, second, answered, refused, submit } = stage();
  submit('one', 'two');
  (await main.next()).fail(new StatementTimeout());
  (await main.next()).fail(new StatementTimeout());
  expect((await second.next()).orgIds).toEqual(['one']);
  (await second.next()).fail(new StatementTimeout());
  (await second.next()).pass();
  await settled();
  expect(refused).toEqual(['one']);
  expect(answered).toEqual(['two']);
});

test('after a batch that took long one is under way, and two after a quick one', async () => {
  const { main, clock, submit } = stage();
  submit('one');
  await settled();
  submit('two');
  await settled();
  expect(main.underWay).toHaveLength(2);
  clock.nowMs += 200;
  for (const batch of main.underWay.toReversed()) batch.pass();
  await settled();
  submit('three');
  await settled();
  submit('four');
  await settled();
  expect(main.underWay).toHaveLength(1);
  (await main.next()).pass();
  await settled();
  submit('five');
  await settled();
  expect(main.underWay).toHaveLength(2);
});
