import { readdirSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { laneStatements, ofOneOrganization } from '../../../src/ledger/lane/statements.ts';
import { endingFirst } from '../../../src/ledger/sql/end-holds-first.ts';
import { closeHolds, recordEndedHolds, tellEndedHolds } from '../../../src/ledger/sql/end-holds.ts';
import { agreeOnEpochs } from '../../../src/ledger/sql/hold-calls.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import {
  distributedFaults,
  keyedScans,
  tablesOfOrganizations,
  textFaults,
} from '../../support/distributed-rules.ts';
import type { JudgedStatement } from '../../support/distributed-rules.ts';

let database: TestDatabase;
let client: Client;
let distributed: ReadonlySet<string>;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  distributed = await tablesOfOrganizations(client);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Statements over all organizations, and why they may be. */
const overAll: Readonly<Record<string, string>> = {
  holdCalls: 'written first, which is for mixed batches alone',
  holdUnusualCalls: 'likewise',
  agreeOnEpochs: 'beside it',
  agreeOnRecord: 'beside it',
  giveBackHolds: 'holds are ended first in mixed batches alone',
  agreeOnEnds: 'beside it',
  endHoldsFirst: 'beside it',
  endingFirst: 'these three again',
  listOrganizations: 'the list of organizations, for what is done one by one',
  overdueOrganizations: 'the list of organizations of a mixed sweep',
};

const isStatement = /^(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b/;

/** The statements that a module exports, by the name of the export; of a batch's, the form for one organization. */
async function statementsOf(file: string): Promise<readonly JudgedStatement[]> {
  const module = (await import(`../../../src/ledger/sql/${file.replace('.ts', '')}.ts`)) as Record<
    string,
    unknown
  >;
  return Object.entries(module).flatMap(([name, exported]) => judged(name, exported));
}

function judged(name: string, exported: unknown): readonly JudgedStatement[] {
  if (typeof exported === 'function') {
    return judgedResult(name, exported as (table: string) => unknown);
  }
  if (typeof exported !== 'object' || exported === null) return judgedText(name, exported);
  const { text, perOrganizationText = text } = exported as Record<string, unknown>;
  if (typeof perOrganizationText === 'string') return judgedText(name, perOrganizationText);
  return Object.entries(exported).flatMap(([part, one]) =>
    typeof one === 'object' ? judged(`${name}.${part}`, one) : [],
  );
}

function judgedText(name: string, text: unknown): readonly JudgedStatement[] {
  // They are parts of others.
  if (name === 'upsertSmallAsks' || name === 'upsertMeters') return [];
  return typeof text === 'string' && isStatement.test(text) ? [{ name, text }] : [];
}

/** What a function makes for a table, if it makes a statement. */
function judgedResult(name: string, make: (table: string) => unknown): readonly JudgedStatement[] {
  try {
    const made = make('usage');
    return typeof made === 'object' ? judged(name, made) : [];
  } catch {
    return [];
  }
}

const files = readdirSync(new URL('../../../src/ledger/sql/', import.meta.url)).toSorted();

test.each(files)(
  'the statements of %s keep the rules of a distributed PostgreSQL',
  async (file) => {
    const faults: string[] = [];
    for (const statement of await statementsOf(file)) {
      const [exported = ''] = statement.name.split('.');
      if (exported in overAll) continue;
      faults.push(...(await distributedFaults(client, statement, distributed)));
    }
    expect(faults).toEqual([]);
  },
);

test('all that a lane prepares for one organization is judged', async () => {
  const known = (await Promise.all(files.map(statementsOf))).flat();
  const texts = new Set(known.map(({ text }) => text));
  const prepared = laneStatements(true);
  expect(prepared.length).toBeGreaterThan(6);
  expect(prepared.filter(({ text }) => !texts.has(text))).toEqual([]);
});

/** Faults planted: the forms that serve several organizations, and one of each form that is refused. */
test('what breaks a rule is found', async () => {
  const mixed = laneStatements(false).map(({ name, text }) => ({ name, text }));
  for (const statement of mixed) {
    if (statement.name === agreeOnEpochs.name) continue;
    expect(await distributedFaults(client, statement, distributed), statement.name).not.toEqual([]);
  }
  const refused = [
    'INSERT INTO meter AS m VALUES ($1, $2) ON CONFLICT DO UPDATE SET a = (SELECT 1)',
    'INSERT INTO meter AS m VALUES ($1, $2) ON CONFLICT DO UPDATE SET a = now()',
    'UPDATE meter SET a = u.n[1] FROM u',
    'SELECT 1 FROM org o CROSS JOIN LATERAL (SELECT max(a) FROM call LIMIT 1) one',
    'INSERT INTO usage SELECT o.org_id, gen_random_uuid() FROM org o',
    'INSERT INTO usage SELECT o.org_id FROM org o OFFSET 0',
    'MERGE INTO meter',
  ];
  for (const text of refused) expect(textFaults(text), text).toHaveLength(1);
});

const keys: Readonly<Record<string, string>> = {
  call: 'request_id',
  threshold_reached: 'limit_name',
  meter: 'meter_id',
};

async function expectKeyedScans(statement: { readonly name: string; readonly text: string }) {
  for (const { table, condition } of await keyedScans(client, statement.text)) {
    const key = keys[table];
    if (key !== undefined) expect(condition, `${statement.name} ${table}`).toContain(key);
  }
}

const endings = [closeHolds, recordEndedHolds, tellEndedHolds];

/* Red without the second condition of `and` in `batch-statement.ts`: all calls of the organization were read. */
test('for one organization too, rows are reached by all of their key, whatever the planner believes', async () => {
  const statements = [...laneStatements(true), ...endings.map(ofOneOrganization)];
  for (const statement of statements) await expectKeyedScans(statement);
  expect(await keyedScans(client, laneStatementNamed('insert-events'))).toHaveLength(2);
});

/* Red with an index on calls that begins with org_id and is not partial: all calls of the organization were read. */
test('for several organizations, rows are reached by all of their key, whatever the planner believes', async () => {
  const statements = [...laneStatements(false), ...endings, ...endingFirst];
  for (const statement of statements) await expectKeyedScans(statement);
});

function laneStatementNamed(name: string): string {
  return laneStatements(true).find((statement) => statement.name === name)?.text ?? '';
}
