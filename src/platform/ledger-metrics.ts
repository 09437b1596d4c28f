import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** Counts what the ledger does. */
export interface LedgerMetrics {
  /** `way`: how it was run, one of few words. */
  batch(size: number, seconds: number, way: string): void;
  /** A batch that failed, for another reason than a guard. `cause`: an SQLSTATE, or one of few words. */
  batchFailed(cause: string): void;
  /** A meter in a batch has sums that cannot grow. */
  saturated(): void;
  /** By how many the organizations that are set aside have changed. */
  setAside(change: number): void;
  refused(): void;
  expired(holds: number): void;
  /** Holds whose time is over and that the last pass of the sweep could not end. */
  stuckHolds(holds: number): void;
  /** Organizations with usage of a quarter that has ended and is not rolled up. */
  waitingForRollUp(organizations: number): void;
  /** A piece of the roll-up. */
  rolledUp(rows: number): void;
  /** A pass of the roll-up, with its rests. */
  rollUpPassed(seconds: number): void;
}

/** Registers the ledger's metrics. */
export function createLedgerMetrics(registry: Registry): LedgerMetrics {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'tollgate_ledger_batch_seconds',
    help: 'Time of one transaction of a lane: write_first; decide_first; guard_failed: written first and undone.',
    labelNames: ['way'],
    buckets: [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 1, 2, 5],
    registers,
  });
  const sizes = new Histogram({
    name: 'tollgate_ledger_batch_operations',
    help: 'Operations in one transaction of a lane.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers,
  });
  const refusals = new Counter({
    name: 'tollgate_ledger_refused_total',
    help: 'Operations refused because a lane had too many waiting.',
    registers,
  });
  const expiries = new Counter({
    name: 'tollgate_holds_expired_total',
    help: 'Holds ended by the sweep because they were not reported or released in time.',
    registers,
  });
  const stuck = new Gauge({
    name: 'tollgate_holds_stuck',
    help: 'Holds whose time is over and that the last pass of the sweep could not end; the log says why.',
    registers,
  });
  const waiting = new Gauge({
    name: 'tollgate_rollup_organizations_waiting',
    help: 'Organizations with usage of a quarter of an hour that has ended and is not rolled up.',
    registers,
  });
  const rows = new Counter({
    name: 'tollgate_rollup_rows_total',
    help: 'Usage rows rolled up by this process.',
    registers,
  });
  const pass = new Gauge({
    name: 'tollgate_rollup_pass_seconds',
    help: 'Time of the last pass of the roll-up, its rests included.',
    registers,
  });
  return {
    batch(size, took, way) {
      sizes.observe(size);
      seconds.observe({ way }, took);
    },
    ...createFaultMetrics(registers),
    refused: () => refusals.inc(),
    expired: (holds) => expiries.inc(holds),
    stuckHolds: (holds) => stuck.set(holds),
    waitingForRollUp: (organizations) => waiting.set(organizations),
    rolledUp: (count) => rows.inc(count),
    rollUpPassed: (took) => pass.set(took),
  };
}

/** What should not happen in a batch. */
function createFaultMetrics(
  registers: Registry[],
): Pick<LedgerMetrics, 'batchFailed' | 'saturated' | 'setAside'> {
  const failures = new Counter({
    name: 'tollgate_ledger_batch_failures_total',
    help: 'Batches of a lane that failed, by SQLSTATE; connection: the store was lost; internal: a fault of this program.',
    labelNames: ['cause'],
    registers,
  });
  const saturations = new Counter({
    name: 'tollgate_ledger_saturated_total',
    help: 'Meters in batches whose sums have reached the largest int64 and grow no more.',
    registers,
  });
  const setAside = new Gauge({
    name: 'tollgate_ledger_organizations_set_aside',
    help: 'Organizations that were locked by another session, and have not been served quickly since.',
    registers,
  });
  return {
    setAside: (change) => setAside.inc(change),
    batchFailed: (cause) => failures.inc({ cause }),
    saturated: () => saturations.inc(),
  };
}
