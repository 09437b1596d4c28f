import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** Counts and times the calls of both planes; the names of their methods do not overlap. */
export interface RpcMetrics {
  started(rpc: string): void;
  ended(rpc: string, code: string, seconds: number): void;
}

/** Few: each is a series of each method. Codes are counted apart: together they would be thousands of series. */
const buckets = [0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.25, 1, 5];

/** Registers what is measured of every call; once a registry. */
export function createRpcMetrics(registry: Registry): RpcMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'tollgate_rpc_duration_seconds',
    help: 'Time from the arrival of a call to its answer.',
    labelNames: ['rpc'],
    buckets,
    registers,
  });
  const answered = new Counter({
    name: 'tollgate_rpc_answered_total',
    help: 'Calls that were answered, by the code of gRPC.',
    labelNames: ['rpc', 'code'],
    registers,
  });
  const inFlight = new Gauge({
    name: 'tollgate_rpc_in_flight',
    help: 'Calls that are being answered.',
    labelNames: ['rpc'],
    registers,
  });
  return {
    started(rpc) {
      inFlight.inc({ rpc });
    },
    ended(rpc, code, seconds) {
      inFlight.dec({ rpc });
      duration.observe({ rpc }, seconds);
      answered.inc({ rpc, code });
    },
  };
}
