import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readScenario } from '../../src/scenario/form.ts';
import { startInstance } from '../../src/scenario/instance.ts';
import { playScenario } from '../../src/scenario/play.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { distributedFaults, tablesOfOrganizations } from '../support/distributed-rules.ts';
import { recordStatements } from '../support/recorded-statements.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

/** Statements over all organizations, and why they may be. */
const overAll: readonly RegExp[] = [
  // The list of organizations, for what is done one by one.
  /^SELECT org_id FROM org WHERE org_id > \$1/,
  // The ends of the audit trails that have grown, once a minute, for the log: no call waits for it.
  /^SELECT org_id, sequence, hash FROM audit_chain WHERE at >= \$1/,
  // What the organizations of one page have, for the list of them; of a single one it goes to the node of that one.
  /^SELECT org_id, kind, records FROM record_count\s+WHERE org_id = ANY/,
];

/** Plays all scenarios with a transaction for each organization; every statement that went through `pg`. */
async function playAll(): Promise<readonly string[]> {
  const folder = join(import.meta.dirname, '../scenarios');
  const recording = recordStatements();
  const instance = await startInstance(database.url, {
    settings: { TOLLGATE_BATCH: 'per-org' },
  });
  try {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
      const scenario = readScenario(file, readFileSync(join(folder, file), 'utf8'));
      await playScenario(instance, scenario);
    }
  } finally {
    await instance.close();
    recording.end();
  }
  return recording.texts();
}

/*
 * What lanes send goes another way; test/ledger/sql/distributed.test.ts judges it. Red when epochs were read for several
 * organizations at once, and credentials for several secrets: the loss of one node failed the look-ups of all.
 */
test('with per-org batches, each statement goes to the node of one organization', async () => {
  const texts = (await playAll()).filter((text) => !overAll.some((allowed) => allowed.test(text)));
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const distributed = await tablesOfOrganizations(client);
  const faults: string[] = [];
  for (const text of texts) {
    const name = text.slice(0, 120).replaceAll(/\s+/g, ' ');
    // A partition is of the instance's own database; it has the columns and indexes of its table.
    const ofTable = text.replaceAll(/\b(usage(?:_quarter)?|enforcement_event)_\d{8}\b/g, '$1');
    faults.push(...(await distributedFaults(client, { name, text: ofTable }, distributed)));
  }
  await client.end();
  expect(texts.length).toBeGreaterThan(50);
  expect(faults).toEqual([]);
}, 240_000);
