import { SettingsError } from '../config.ts';
import { distribute } from '../db/distribute.ts';
import { migrate as migrateSchema } from '../db/migrate.ts';
import { createUndoList } from '../platform/undo.ts';
import { readArguments } from './arguments.ts';
import { databaseUrlOf, openDatabase } from './open-database.ts';

const use = 'tollgate migrate [--distribute]';

/**
 * `tollgate migrate [--distribute]`: brings the schema up to date, as `serve` does when it starts. With --distribute it
 * then distributes the tables over the nodes of a Citus cluster, those that are not yet. Both may be repeated. Exit 1 if
 * either fails; 2 if the command or a setting is wrong.
 */
export async function migrate(args: readonly string[]): Promise<number> {
  const options = { distribute: { type: 'boolean', default: false } } as const;
  const { values } = readArguments(use, args, options, 0);
  const undo = createUndoList();
  try {
    const url = await databaseUrlOf(undo);
    const migrations = await migrateSchema(url);
    process.stdout.write(`${migrations.length} migrations run\n`);
    if (!values.distribute) return 0;
    // A table of many rows takes as long as it takes.
    const tables = await distribute(await openDatabase(undo, 'migrate', 0, url));
    process.stdout.write(`${tables.length} tables distributed: ${tables.join(' ') || 'none'}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`tollgate: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof SettingsError ? 2 : 1;
  } finally {
    await undo.run();
  }
}
