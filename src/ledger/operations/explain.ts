import type { Pool } from 'pg';
import { conclude } from '../../core/conclude.ts';
import type { Outcome } from '../../core/outcome.ts';
import { createFairSemaphore } from '../../platform/fair-semaphore.ts';
import type { Ledger, ManyPlanner } from '../ledger.ts';
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
export function createExplainer(options: ExplainOptions): Pick<Ledger, 'explain' | 'compare'> {
  const { mostAtOnce: most, overloaded: full } = options;
  const gate = createFairSemaphore({ most, mostWaiting, full });
  const readUntil = createReadUntil(options.pool, options.monotonicMs);

  /** Decides on what can be read, with policies not older than what was read. */
  async function decide(
    orgId: string,
    planner: ManyPlanner,
    limits: ReadLimits,
  ): Promise<readonly Outcome[]> {
    let atLeastEpoch = 0;
    for (;;) {
      const now = options.timeOf(orgId);
      const plans = await planner(atLeastEpoch, now);
      const [first] = plans;
      if (first === undefined) return [];
      const meters = plans.flatMap((plan) => plan.meters);
      const { epoch, totals } = await readUntil(limits, (client, over) =>
        readTotals(client, { orgId, calendar: first.calendar, nowMs: now }, meters, over),
      );
      if (epoch <= first.epoch) {
        let begin = 0;
        return plans.map((plan) => {
          const offset = begin;
          begin += plan.meters.length;
          return conclude(plan, (index) => found(totals[offset + index]), now, undefined);
        });
      }
      atLeastEpoch = epoch;
    }
  }

  const compare: Ledger['compare'] = async (orgId, planner, limits) => {
    try {
      return await gate.pass(orgId, () => decide(orgId, planner, limits));
    } catch (cause) {
      throw options.failure(cause);
    }
  };
  return {
    compare,
    async explain(orgId, planner, limits) {
      const outcomes = await compare(
        orgId,
        async (epoch, nowMs) => [await planner(epoch, nowMs)],
        limits,
      );
      return found(outcomes[0]);
    },
  };
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('what was asked for was not read');
  return value;
}
