import { readFile } from 'node:fs/promises';
import type { MigrationBuilder } from 'node-pg-migrate';

/** How the library is given a migration: it names none of these types. */
interface MigrationUnit {
  readonly id: string;
  readonly filePaths: string[];
  readonly actions: { readonly up: (pgm: MigrationBuilder) => void; readonly down: false };
}

/** The first line of a migration that is no transaction. */
const outside = '-- outside a transaction';

/**
 * Reads migrations of plain SQL. Each is run in the transaction of all, except one that begins with
 * `-- outside a transaction`: what stands before it is committed, and its statements are sent one by one, as
 * CREATE INDEX CONCURRENTLY requires. Such a migration can fail halfway, so it must be safe to run again.
 */
export function loadSqlMigrations(filePaths: readonly string[]): Promise<MigrationUnit[]> {
  return Promise.all(
    filePaths.map(async (filePath) => ({
      id: filePath,
      filePaths: [filePath],
      actions: actionsOf(await readFile(filePath, 'utf8')),
    })),
  );
}

function actionsOf(text: string): MigrationUnit['actions'] {
  return {
    up: (pgm) => {
      if (text.startsWith(`${outside}\n`)) {
        pgm.noTransaction();
        for (const statement of statementsOf(text)) pgm.sql(statement);
      } else {
        pgm.sql(text);
      }
    },
    down: false,
  };
}

/** No statement of a migration has a semicolon at the end of a line but its last: there are no function bodies. */
function statementsOf(text: string): string[] {
  return text
    .split(/;[ \t]*(?:\n|$)/)
    .map((part) => part.replace(/^--.*$/gm, '').trim())
    .filter((part) => part !== '');
}
