import type { Pool } from 'pg';
import type { Meter } from '../../core/meter.ts';
import type { Calendar } from '../../core/window.ts';
import { createReadUntil } from '../../db/read-until.ts';
import type { Ledger } from '../ledger.ts';
import { readTotals } from './read-totals.ts';

/** Creates the reads of meters beside the lanes. */
export function createMeterReads(parts: {
  readonly pool: Pool;
  readonly monotonicMs: () => number;
  /** What callers are answered when the store fails. */
  readonly failure: (cause: unknown) => Error;
}): Pick<Ledger, 'meter' | 'meters'> {
  const readUntil = createReadUntil(parts.pool, parts.monotonicMs);
  return {
    async meter(orgId: string, calendar: Calendar, meter: Meter, nowMs: number) {
      const { totals } = await readTotals(parts.pool, { orgId, calendar, nowMs }, [meter]);
      const [found] = totals;
      if (found === undefined) throw new Error('a meter that was asked for was not read');
      return found;
    },
    async meters(orgId, calendar, meters, nowMs, limits) {
      if (meters.length === 0) return [];
      try {
        return await readUntil(limits, async (client, over) => {
          const { totals } = await readTotals(client, { orgId, calendar, nowMs }, meters, over);
          return totals;
        });
      } catch (cause) {
        throw parts.failure(cause);
      }
    },
  };
}
