import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { mostCost } from '../../../src/ledger/lane/batch-cost.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import type { Replica } from '../../support/replica-ledger.ts';
import type { SaidCall } from '../../support/view.ts';

/*
 * Red with one queue of all organizations in order of arrival, and with one bound for all: the quiet organization
 * waited for all of the batches before it, and was refused where the busy one had filled the queue. Red where the
 * limits of an operation cost nothing: a batch had 40 Checks with 1,000 limits each.
 */
const call: SaidCall = { user: 'ann', input: 1n, output: 1n, cost: 1n };
/** Batches under way at once in a lane. */
const underWay = 2;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

function replicaOf(options: Parameters<typeof startReplica>[1] = {}): Replica {
  const replica = startReplica(database, options);
  onTestFinished(() => replica.ledger.close());
  return replica;
}

test('a Check waits for the batches under way and its own, however much another organization sends', async () => {
  const replica = replicaOf();
  const busy = (await checksOf(database, 'busy'))({});
  const quiet = (await checksOf(database, 'quiet'))({});
  await quiet(replica, 'first', call);
  const flood = Promise.all(
    Array.from({ length: 500 }, (_, number) => busy(replica, `flood-${number}`, call)),
  );
  for (let times = 0; times < 5; times += 1) {
    const before = replica.ways.length;
    await quiet(replica, `quiet-${times}`, call);
    expect(replica.ways.length - before).toBeLessThanOrEqual(underWay + 1);
  }
  await flood;
});

test('a batch holds few Checks of an organization whose Checks have many limits, and is soon over', async () => {
  const replica = replicaOf();
  const limits = Array.from({ length: 1000 }, (_, number) => ({
    name: `limit${number}`,
    metric: 'COST' as const,
    amount: 1_000_000n,
  }));
  const costly = (await checksOf(database, 'costly'))({ policies: { org: { limits } } });
  const quiet = (await checksOf(database, 'quiet-beside'))({});
  const flood = Array.from({ length: 40 }, (_, number) => costly(replica, `flood-${number}`, call));
  const light = Array.from({ length: 40 }, (_, number) => quiet(replica, `quiet-${number}`, call));
  await Promise.all([...flood, ...light]);
  // By then all of the quiet organization's are answered.
  const last = replica.sizes.slice(-5);
  expect(Math.max(...last)).toBeLessThanOrEqual(mostCost / limits.length);
});

test('an organization that sends more than its share is refused, and no other is', async () => {
  const replica = replicaOf();
  const greedy = (await checksOf(database, 'greedy'))({});
  const modest = (await checksOf(database, 'modest'))({});
  const flood = Promise.allSettled(
    Array.from({ length: 1200 }, (_, number) => greedy(replica, `flood-${number}`, call)),
  );
  const answered = Array.from({ length: 200 }, (_, number) =>
    modest(replica, `modest-${number}`, call),
  );
  await Promise.all(answered);
  const results = await flood;
  const refused = results.filter((result) => result.status === 'rejected');
  // Half of the 1,000 places of the lane.
  expect(refused).toHaveLength(700);
  expect(refused[0]).toMatchObject({
    reason: { kind: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED', retryAfterMs: 100 },
  });
});

test('with one organization per transaction, the organizations take turns', async () => {
  const replica = replicaOf({ perOrganization: true });
  const busy = (await checksOf(database, 'busy-alone'))({});
  const quiet = (await checksOf(database, 'quiet-alone'))({});
  const flood = Promise.all(
    Array.from({ length: 500 }, (_, number) => busy(replica, `flood-${number}`, call)),
  );
  const before = replica.ways.length;
  await quiet(replica, 'quiet', call);
  expect(replica.ways.length - before).toBeLessThanOrEqual(underWay + 2);
  await flood;
});
