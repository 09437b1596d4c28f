import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { CallFacts } from './call-facts.ts';

/** Counts what the data plane answers. */
export interface CallMetrics {
  started(rpc: string): void;
  ended(rpc: string, code: string, seconds: number, facts: CallFacts): void;
}

const seconds = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 1, 2, 5];

/** Registers the data plane's metrics. */
export function createCallMetrics(registry: Registry): CallMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'tollgate_rpc_duration_seconds',
    help: 'Time from the arrival of a data-plane call to its answer.',
    labelNames: ['rpc', 'code'],
    buckets: seconds,
    registers,
  });
  const inFlight = new Gauge({
    name: 'tollgate_rpc_in_flight',
    help: 'Data-plane calls that are being answered.',
    labelNames: ['rpc'],
    registers,
  });
  const decisions = new Counter({
    name: 'tollgate_decisions_total',
    help: 'Decisions of Check and Extend, replays included, by their first reason.',
    labelNames: ['rpc', 'decision', 'reason'],
    registers,
  });
  const degraded = new Counter({
    name: 'tollgate_degraded_total',
    help: 'Calls that were allowed without the store, because their organization wants that.',
    registers,
  });
  const reports = new Counter({
    name: 'tollgate_reports_total',
    help: 'Reports booked, without replays, by what was remarkable about them.',
    labelNames: ['over_hold', 'late', 'unpriced'],
    registers,
  });
  return {
    started(rpc) {
      inFlight.inc({ rpc });
    },
    ended(rpc, code, took, facts) {
      inFlight.dec({ rpc });
      duration.observe({ rpc, code }, took);
      if (facts.decision !== undefined) {
        decisions.inc({ rpc, decision: facts.decision, reason: facts.reason ?? 'NONE' });
      }
      if (facts.degraded === true) degraded.inc();
      if (facts.report !== undefined) reports.inc(facts.report);
    },
  };
}
