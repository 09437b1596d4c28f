import { expect, test } from 'vitest';
import { appendAuditEntries } from '../../src/audit/append-entries.ts';
import { createGrownChains } from '../../src/audit/grown-chains.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createTestDatabase } from '../support/database.ts';

// Planted: what was found before is not remembered, and what is a little older than the last round is not read.
test('a chain that has grown is found once, also if the clock of its replica is a little behind', async () => {
  const database = await createTestDatabase();
  try {
    const thing = { kind: 'team', subject: 'red', before: undefined, after: { id: 'red' } };
    const by = { actor: 'root', reason: '' };
    let nowMs = 1_000_000_000;
    const append = (orgId: string, atMs: number) =>
      inTransaction(database.pool, (client) =>
        appendAuditEntries(client, { orgId, now: new Date(atMs), by }, [thing]),
      );
    const grown = createGrownChains(database.pool, () => nowMs);
    await append('acme', nowMs);
    const first = await append('globex', nowMs - 1000);
    expect(await grown()).toMatchObject([{ orgId: 'acme', sequence: 1 }, { orgId: 'globex' }]);
    nowMs += 60_000;
    expect(await grown()).toEqual([]);
    const head = await append('acme', nowMs - 5000);
    expect(await grown()).toEqual([{ orgId: 'acme', ...head }]);
    nowMs += 600_000;
    expect(await grown()).toEqual([]);
    expect(first.sequence).toBe(1);
  } finally {
    await database.drop();
  }
});
