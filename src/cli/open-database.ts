import type { Pool } from 'pg';
import { readSettings } from '../config.ts';
import { startEmbeddedPostgres } from '../db/embedded.ts';
import { createPool } from '../db/pool.ts';
import { watchSockets } from '../db/watched-sockets.ts';
import type { UndoList } from '../platform/undo.ts';

/**
 * One connection to the database that the settings name, or to the embedded one, for a command of the host. What
 * it asks fails when the database is silent for the time of the settings, however long a statement may run.
 */
export async function openDatabase(
  undo: UndoList,
  command: string,
  statementTimeoutMs: number,
  knownUrl?: string,
): Promise<Pool> {
  const { poolWaitMs, storeTimeoutMs } = readSettings();
  const url = knownUrl ?? (await databaseUrlOf(undo));
  const watched = watchSockets(url, storeTimeoutMs);
  const pool = createPool({
    url,
    applicationName: `tollgate ${command}`,
    maxConnections: 1,
    statementTimeoutMs,
    poolWaitMs,
    sockets: watched.sockets,
  });
  watched.begin();
  undo.add(() => watched.stop());
  undo.add(() => pool.end());
  return pool;
}

/** The URL of the database that the settings name, or of the embedded one, which is started. */
export async function databaseUrlOf(undo: UndoList): Promise<string> {
  const { databaseUrl, folder } = readSettings();
  if (databaseUrl !== undefined) return databaseUrl;
  const embedded = await startEmbeddedPostgres({ folder });
  undo.add(() => embedded.stop());
  return embedded.url;
}
