import type { Pool } from 'pg';
import type { Settings } from '../config.ts';
import { SettingsError } from '../config.ts';
import { NotTheCoordinator, readDistribution } from '../db/distribution.ts';
import type { Log } from '../platform/log.ts';

/**
 * The settings with the kind of batches chosen: by the settings, else by whether the database is distributed.
 * Fails where the database cannot be used so: it is a worker, or distributed and the settings want mixed batches.
 */
export async function chooseBatch(
  settings: Settings,
  pool: Pool,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<Settings> {
  const { batch } = settings;
  const distribution = await readDistribution(pool);
  if (distribution === undefined) return { ...settings, batch: batch === 'auto' ? 'mixed' : batch };
  if (!distribution.isCoordinator) throw new NotTheCoordinator();
  if (batch === 'mixed') {
    throw new SettingsError([
      'TOLLGATE_BATCH is "mixed": expected auto or per-org, since the database has the extension citus',
    ]);
  }
  const { localTables } = distribution;
  if (localTables.length > 0) {
    log.warn({ localTables }, 'tables are not distributed; run tollgate migrate --distribute');
  }
  log.info('the database is distributed: each transaction has one organization');
  return { ...settings, batch: 'per-org' };
}
