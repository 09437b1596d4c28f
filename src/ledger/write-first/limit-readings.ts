import { mostThatIsOk } from '../../core/conclude.ts';
import { countersOfMetric } from '../../core/limit-totals.ts';
import { memoizeByObject } from '../../core/memoize-by-object.ts';
import type { PlannedLimit } from '../../core/plan.ts';
import { metrics, windows } from '../../core/policy.ts';
import type { Metric } from '../../core/policy.ts';
import type { WindowTotals } from '../../core/totals.ts';
import { inFlightCounter } from './expected-meters.ts';
import { windowOffsets } from '../sql/apply-deltas.ts';
import { emptyColumn, tokenColumns } from '../sql/hold-calls.ts';

/** Where a sum is read: its column in `hold-calls`, and the counters of an operation that go into it. */
export interface Reading {
  readonly column: number;
  readonly counters: readonly number[];
}

/** Where a limit is read in the row of its meter. */
export interface LimitReading {
  readonly meterIndex: number;
  readonly metric: Metric;
  /** Equal for limits with equal readings; less than `slots`. */
  readonly slot: number;
  readonly used: Reading;
  readonly held: Reading;
  /** The largest sum of both with which the limit is OK. */
  readonly most: bigint;
}

export const slots = windows.length * metrics.length;

const inFlightColumn = 1;

/** The readings of a call's limits; calls with the same path and target share them. */
export const limitReadings = memoizeByObject(
  (limits: readonly PlannedLimit[]): readonly LimitReading[] =>
    limits.map(({ limit, meterIndex }) => {
      const { metric, window = 'LIFETIME' } = limit;
      const at = windows.indexOf(window);
      const [used, held] = readings(metric, at);
      const slot = at * metrics.length + metrics.indexOf(metric);
      return { meterIndex, metric, slot, used, held, most: mostThatIsOk(limit) };
    }),
);

/** The order of a meter's counters, by the core's names for them. */
const counterOrder: readonly (keyof WindowTotals)[] = [
  'usedCost',
  'usedInput',
  'usedOutput',
  'usedRequests',
  'heldCost',
  'heldInput',
  'heldOutput',
];

/** Where used and held of a metric are read in a window. */
function readings(metric: Metric, window: number): readonly [Reading, Reading] {
  if (metric === 'CONCURRENCY') {
    return [nothing, { column: inFlightColumn, counters: [inFlightCounter] }];
  }
  const { used, held } = countersOfMetric[metric];
  const tokens = tokenColumns[window];
  return [reading(used, window, tokens?.used), reading(held, window, tokens?.held)];
}

/** A single counter has a column of its own; the sum of two, which are tokens, has `sumColumn`. */
function reading(
  names: readonly (keyof WindowTotals)[],
  window: number,
  sumColumn = emptyColumn,
): Reading {
  const counters = names.map((name) => counterOrder.indexOf(name));
  const [only] = counters;
  if (only === undefined) return nothing;
  if (counters.length > 1) return { column: sumColumn, counters };
  return { column: (windowOffsets[window]?.counters ?? 0) + only + 1, counters };
}

const nothing: Reading = { column: emptyColumn, counters: [] };
