import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { planCheck } from '../../../src/core/plan-check.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import { differencesOf } from '../../support/verified.ts';
import { callOf, viewOf } from '../../support/view.ts';
import type { Said, SaidCall } from '../../support/view.ts';

/*
 * Red on one statement per meter, as it was before: 202 statements for an Explain; and, for the second test,
 * on reading the record for the meters of subjects that have no calls yet: the Check waits for the lock.
 */
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

const said: Said = {
  policies: {
    org: {
      limits: Array.from({ length: 200 }, (_, number) => ({
        name: `limit-${number}`,
        metric: 'COST' as const,
        window: 'MONTH' as const,
        amount: 1_000_000_000n,
        targets: [`model-${number}*`, 'm'],
      })),
    },
  },
};
const call: SaidCall = { customer: 'acme', target: 'm', input: 1n, output: 1n, cost: 7n };

test('an Explain reads 200 meters that no call has created with three statements', async () => {
  let statements = 0;
  const counted = Object.create(database.pool, {
    connect: {
      value: async () => {
        const client = await database.pool.connect();
        // Those that begin and end the transaction have no values.
        const counting = (...said: Parameters<typeof client.query>): unknown => {
          if (Reflect.has(Object(said[0]), 'values')) statements += 1;
          return client.query(...said);
        };
        return Object.create(client, { query: { value: counting } }) as typeof client;
      },
    },
  }) as typeof database.pool;
  const replica = startReplica({ ...database, pool: counted });
  onTestFinished(() => replica.ledger.close());
  const plain = (await checksOf(database, 'many'))({});
  await plain(replica, 'before', call);
  statements = 0;
  const { epoch } = await newestEpoch('many');
  const plan = { ...planCheck(viewOf(said), callOf(call), replica.nowMs), epoch };
  const outcome = await replica.ledger.explain('many', () => plan, {
    deadlineMs: undefined,
    cancelled: undefined,
  });
  expect(statements).toBe(3);
  expect(outcome.limits).toHaveLength(200);
  expect(new Set(outcome.limits.map(({ held }) => held))).toEqual(new Set([7n]));
});

test('meters of a subject without calls are created without reading the record', async () => {
  const replica = startReplica(database);
  onTestFinished(() => replica.ledger.close());
  const check = (await checksOf(database, 'fresh'))({
    policies: {
      org: {
        limits: [
          {
            name: 'each',
            metric: 'COST',
            window: 'DAY',
            amount: 1_000_000n,
            for: { kind: 'CUSTOMER' },
            targets: ['m'],
          },
        ],
      },
    },
  });
  const locking = await database.pool.connect();
  onTestFinished(() => locking.release());
  await locking.query('BEGIN');
  await locking.query('LOCK TABLE usage_daily IN ACCESS EXCLUSIVE MODE');
  for (const customer of ['one', 'two']) {
    const { outcome } = await check(replica, customer, { ...call, customer });
    expect(outcome).toMatchObject({ decision: 'ALLOW', limits: [{ used: 0n, held: 0n }] });
  }
  const { outcome } = await check(replica, 'second-of-one', { ...call, customer: 'one' });
  expect(outcome.limits).toMatchObject([{ used: 0n, held: 7n }]);
  await locking.query('ROLLBACK');
  expect(await differencesOf(database.pool, 'fresh')).toEqual([]);
});

async function newestEpoch(orgId: string): Promise<{ epoch: number }> {
  const { rows } = await database.pool.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  return { epoch: Number(rows[0]?.epoch) };
}
