import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import type { RpcMetrics } from '../platform/rpc-metrics.ts';
import type { CallFacts } from './call-facts.ts';

/** Counts what the data plane answers. */
export interface CallMetrics {
  started(rpc: string): void;
  ended(rpc: string, code: string, seconds: number, facts: CallFacts): void;
}

/** Registers the data plane's own metrics, beside those of every call. */
export function createCallMetrics(registry: Registry, rpcs: RpcMetrics): CallMetrics {
  const registers = [registry];
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
    labelNames: ['over_hold', 'late', 'unpriced', 'unattributed', 'usage_assumed'],
    registers,
  });
  return {
    started(rpc) {
      rpcs.started(rpc);
    },
    ended(rpc, code, seconds, facts) {
      rpcs.ended(rpc, code, seconds);
      if (facts.decision !== undefined) {
        decisions.inc({ rpc, decision: facts.decision, reason: facts.reason ?? 'NONE' });
      }
      if (facts.degraded === true) degraded.inc();
      if (facts.report !== undefined) reports.inc(facts.report);
    },
  };
}
