import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSqlMigrations } from '../../src/db/migration-files.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'tollgate-test-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

async function run(...texts: string[]): Promise<void> {
  for (const [index, text] of texts.entries()) {
    await writeFile(join(folder, `000${index + 1}_step.sql`), text);
  }
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const ignore = (): void => undefined;
  try {
    await runner({
      dbClient: client,
      dir: folder,
      direction: 'up',
      migrationsTable: 'test_migration',
      migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loadSqlMigrations }],
      singleTransaction: true,
      logger: { info: ignore, warn: ignore, error: ignore },
    });
  } finally {
    await client.end();
  }
}

async function indexes(): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    "SELECT indexname AS name FROM pg_indexes WHERE tablename = 'thing' ORDER BY 1",
  );
  return rows.map((row) => row.name);
}

// Seen red with every migration inside the transaction: CREATE INDEX CONCURRENTLY cannot run there.
test('an index is built concurrently by a migration outside the transaction', async () => {
  await run(
    'CREATE TABLE thing (org_id text, at bigint);\n',
    `-- outside a transaction
-- Found by time.
DROP INDEX CONCURRENTLY IF EXISTS thing_at;
CREATE INDEX CONCURRENTLY thing_at ON thing (org_id, at);
`,
    'CREATE INDEX thing_org ON thing (org_id);\n',
  );
  expect(await indexes()).toEqual(['thing_at', 'thing_org']);
});

test('a migration that fails undoes those before it in its transaction, and none outside', async () => {
  const table = 'CREATE TABLE thing (org_id text, at bigint);\n';
  const broken = 'SELECT 1 FROM nothing;\n';
  await expect(run(table, broken)).rejects.toThrow('"nothing" does not exist');
  const index = '-- outside a transaction\nCREATE INDEX CONCURRENTLY thing_at ON thing (at);\n';
  await expect(run(table, index, broken)).rejects.toThrow('"nothing" does not exist');
  expect(await indexes()).toEqual(['thing_at']);
});
