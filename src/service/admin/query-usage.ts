import { intervalsOf } from '../../core/intervals.ts';
import type { Interval } from '../../core/intervals.ts';
import type { Calendar } from '../../core/window.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { QueryLimits, UsageAnswer, UsageQueries, UsageQuery } from './usage-queries.ts';

/** A query as it is asked: its time is not cut yet. */
export interface UsageQuestion extends Omit<UsageQuery, 'cutsMs' | 'needsQuarters'> {
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined: one point. */
  readonly interval: Interval | undefined;
}

/** What was used, and where the points begin and end. */
export interface QueriedUsage extends UsageAnswer {
  readonly cutsMs: readonly number[];
}

const mostPoints = 1_000;
const mostValues = 20_000;
const quarterMs = 900_000;

/**
 * Sums usage over the intervals of the organization's calendar. NOT_FOUND if the organization is unknown; FIELD_INVALID
 * where the answer would be too large.
 */
export function createQueryUsage(parts: {
  readonly store: Pick<PolicyStore, 'getOrganization'>;
  readonly usage: UsageQueries;
}) {
  return async function answer(
    question: UsageQuestion,
    limits: QueryLimits,
  ): Promise<QueriedUsage> {
    const { record } = await parts.store.getOrganization(question.orgId);
    const cutsMs = cutsOf(record.calendar, question);
    const points = cutsMs.length - 1;
    if (question.groupBy.length > 0 && points * question.seriesCount > mostValues) {
      throw tooMuch(
        `${points} points for ${question.seriesCount} series are more than ${mostValues}`,
      );
    }
    const needsQuarters = question.interval === undefined || question.interval === 'HOUR';
    const answered = await parts.usage.query({ ...question, cutsMs, needsQuarters }, limits);
    return { ...answered, cutsMs };
  };
}

function cutsOf(calendar: Calendar, { fromMs, toMs, interval }: UsageQuestion): readonly number[] {
  if (interval === undefined) {
    return [Math.floor(fromMs / quarterMs), Math.ceil(toMs / quarterMs)].map(
      (at) => at * quarterMs,
    );
  }
  const cutsMs = intervalsOf(calendar, interval, { fromMs, toMs }, mostPoints);
  if (cutsMs !== undefined) return cutsMs;
  throw tooMuch(`there are more than ${mostPoints} points`);
}

function tooMuch(found: string): Error {
  const description = `${found}: ask for a shorter time, a longer interval or fewer series`;
  return invalidFields([{ field: 'interval', description }]);
}
