import { expect, onTestFinished, test } from 'vitest';
import { planExtend } from '../../../src/core/plan-extend.ts';
import { verifyOrganization } from '../../../src/ledger/record/verify.ts';
import { createRollUp } from '../../../src/ledger/upkeep/roll-up.ts';
import { createTestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import { insertUsageRows, transactionsOf } from '../../support/usage-rows.ts';
import { estimateOf, viewOf } from '../../support/view.ts';

/* Seen red with past windows that are read from single rows alone, and with a day that ends a quarter late. */
const said = {
  policies: {
    org: { limits: [{ name: 'day', metric: 'COST', window: 'DAY', amount: 100n }] },
  },
} as const;
const call = { user: 'ann', input: 1n, output: 1n, cost: 10n };

test('an Extend after midnight is judged in the day of its hold, from sums alone', async () => {
  const database = await createTestDatabase();
  const replica = startReplica(database);
  onTestFinished(async () => {
    await replica.ledger.close();
    await database.drop();
  });
  const check = (await checksOf(database, 'acme'))(said);
  const spent = (at: string, cost: bigint) => {
    const usual = { orgId: 'acme', subjects: ['org', 'user:ann'], target: 'gpt-4o' };
    return { ...usual, recordedAt: at, bookedAt: at, cost };
  };
  await insertUsageRows(database.pool, [
    spent('2026-03-09T23:59:59Z', 1_000n),
    spent('2026-03-10T10:00:00Z', 40n),
    spent('2026-03-10T23:59:59Z', 30n),
    spent('2026-03-11T00:00:00Z', 50n),
  ]);
  const transact = transactionsOf(database.pool);
  await transact((client) => verifyOrganization(client, 'acme', true));
  replica.nowMs = Date.parse('2026-03-10T23:59:59.500Z');
  await database.pool.query(`UPDATE meter SET day_used_cost = 70, day_start = $1`, [
    Date.parse('2026-03-10T00:00:00Z'),
  ]);
  expect((await check(replica, 'long', call)).outcome.decision).toBe('ALLOW');
  replica.nowMs = Date.parse('2026-03-11T00:20:00Z');
  expect((await check(replica, 'next', call)).outcome.decision).toBe('ALLOW');
  await createRollUp({ pool: database.pool, transact, nowMs: () => replica.nowMs })();
  await database.pool.query('DELETE FROM usage');

  const extend = (sequence: number, cost: bigint) =>
    replica.ledger.extend({
      orgId: 'acme',
      requestId: 'long',
      sequence,
      content: {},
      ttlMs: undefined,
      plan: (hold, nowMs, epoch) => ({
        ...planExtend(viewOf(said), hold, estimateOf({ cost }), nowMs),
        epoch: Math.max(epoch, 1),
      }),
      deadlineMs: undefined,
    });
  const allowed = await extend(1, 20n);
  expect(allowed.outcome.limits).toMatchObject([{ used: 70n, held: 10n }]);
  const { decision, limits } = (await extend(2, 1n)).outcome;
  expect({ decision, limits }).toMatchObject({
    decision: 'DENY',
    limits: [{ used: 70n, held: 30n }],
  });
});
