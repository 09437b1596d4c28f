import { mostThatIsOk } from '../../core/conclude.ts';
import { oncePer } from '../../core/once-per.ts';
import type { PlannedLimit } from '../../core/plan.ts';
import { metrics, windows } from '../../core/policy.ts';
import type { Metric } from '../../core/policy.ts';
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
  /** The same for limits that are read alike; below `slots`. */
  readonly slot: number;
  readonly used: Reading;
  readonly held: Reading;
  /** The largest sum of both with which the limit is OK. */
  readonly most: bigint;
}

export const slots = windows.length * metrics.length;

const inFlightColumn = 1;

/** The readings of a call's limits; the same for all calls that are alike. */
export const limitReadings = oncePer((limits: readonly PlannedLimit[]): readonly LimitReading[] =>
  limits.map(({ limit, meterIndex }) => {
    const { metric, window = 'LIFETIME' } = limit;
    const at = windows.indexOf(window);
    const [used, held] = readings(metric, at);
    const slot = at * metrics.length + metrics.indexOf(metric);
    return { meterIndex, metric, slot, used, held, most: mostThatIsOk(limit) };
  }),
);

/** What a metric counts, as `limitTotals` does: used, then held. */
function readings(metric: Metric, window: number): readonly [Reading, Reading] {
  const counter = (at: number): Reading => {
    return { column: (windowOffsets[window]?.counters ?? 0) + at + 1, counters: [at] };
  };
  switch (metric) {
    case 'COST':
      return [counter(0), counter(4)];
    case 'INPUT_TOKENS':
      return [counter(1), counter(5)];
    case 'OUTPUT_TOKENS':
      return [counter(2), counter(6)];
    case 'TOKENS': {
      const { used = 0, held = 0 } = tokenColumns[window] ?? {};
      return [
        { column: used, counters: [1, 2] },
        { column: held, counters: [5, 6] },
      ];
    }
    case 'REQUESTS':
      return [counter(3), nothing];
    case 'CONCURRENCY':
      return [nothing, { column: inFlightColumn, counters: [inFlightCounter] }];
  }
}

const nothing: Reading = { column: emptyColumn, counters: [] };
