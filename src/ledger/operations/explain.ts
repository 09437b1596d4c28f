import type { Pool } from 'pg';
import { conclude } from '../../core/conclude.ts';
import type { Outcome } from '../../core/outcome.ts';
import { createFairSemaphore } from '../../platform/fair-semaphore.ts';
import type { Ledger, Planner } from '../ledger.ts';
import { createReadUntil } from '../../db/read-until.ts';
import type { ReadLimits } from '../../db/read-until.ts';
import { readTotals } from '../meters/read-totals.ts';

/** What Explains are answered with. */
export interface ExplainOptions {
  readonly pool: Pool;
  /** Explains that read at once, of all organizations; one organization may have half of them. */
  readonly mostAtOnce: number;
  readonly timeOf: (orgId: string) => number;
  readonly monotonicMs: () => number;
  /** What an Explain is refused with when too many of its organization wait. */
  readonly overloaded: () => Error;
  /** What callers are answered when the store fails. */
  readonly failure: (cause: unknown) => Error;
}

/** Explains of one organization that wait; more are refused. */
const mostWaiting = 64;

/** Creates the ledger's Explain. Its reading ends at the caller's deadline, or when the caller goes. */
export function createExplainer(options: ExplainOptions): Ledger['explain'] {
  const { mostAtOnce: most, overloaded: full } = options;
  const gate = createFairSemaphore({ most, mostWaiting, full });
  const readUntil = createReadUntil(options.pool, options.monotonicMs);

  /** Decides on what can be read, with policies not older than what was read. */
  async function explain(orgId: string, planner: Planner, limits: ReadLimits): Promise<Outcome> {
    let atLeastEpoch = 0;
    for (;;) {
      const now = options.timeOf(orgId);
      const plan = await planner(atLeastEpoch, now);
      const { epoch, totals } = await readUntil(limits, (client, over) =>
        readTotals(client, { orgId, calendar: plan.calendar, nowMs: now }, plan.meters, over),
      );
      if (epoch <= plan.epoch) {
        return conclude(plan, (index) => found(totals[index]), now, undefined);
      }
      atLeastEpoch = epoch;
    }
  }

  return async (orgId, planner, limits) => {
    try {
      return await gate.pass(orgId, () => explain(orgId, planner, limits));
    } catch (cause) {
      throw options.failure(cause);
    }
  };
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a meter that was asked for was not read');
  return value;
}
