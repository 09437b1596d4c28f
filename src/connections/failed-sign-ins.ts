import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Log } from '../platform/log.ts';
import { createLogThrottle } from '../platform/log-throttle.ts';
import type { PortName } from './connection-metrics.ts';

/** Failures of a source that are answered at once, when there were none for a while. */
const freeFailures = 10;
/** Each failure beyond them delays the next answers by so much more, ... */
const stepMs = 50;
/** ... up to this: an honest client with a wrong secret still gets its answer. */
const mostDelayMs = 1000;
/** One failure is forgiven in this time, so a source is as new after a minute. */
const forgivenMs = 2000;
const mostCounted = freeFailures + mostDelayMs / stepMs;
/** Refusals that wait at once, of one source and of all: each may hold a connection, and its source has not many. */
const mostWaitingOfSource = 32;
const mostWaiting = 1000;
const mostSources = 10_000;

/** Slows down who presents wrong secrets. */
export interface FailedSignIns {
  /**
   * Notes that a source has presented a wrong secret or certificate, and calls `refuse`: in the same turn, or later if the
   * source has failed often; within `mostMs` in any case.
   */
  refuse(source: string, port: PortName, refuse: () => void, mostMs?: number): void;
}

interface Source {
  failures: number;
  countedMs: number;
  waiting: number;
}

/**
 * Only the answer to a wrong secret is delayed. A right one is neither delayed nor refused, whatever else came from its
 * source: it was looked up at once. So nobody is locked out, and there is nothing to unlock.
 *
 * A source is a peer of `Connection`: an address, or a /64 of IPv6. What is kept of it is bounded, is lost at a restart, and
 * each process counts for itself. Not promised: that a flood is slowed which does not wait for answers, or has more than 32
 * calls under way; `ConnectionLimits` bound that.
 */
export function createFailedSignIns(parts: {
  readonly registry: Registry;
  readonly log: Log;
  /** Milliseconds that only grow; for tests. */
  readonly monotonicMs?: () => number;
}): FailedSignIns {
  const { log, monotonicMs = () => performance.now() } = parts;
  const counters = createCounters(parts.registry);
  const mayLog = createLogThrottle({ intervalMs: 60_000, maxKeys: 100, monotonicMs });
  const sources = new Map<string, Source>();
  let waiting = 0;

  function count(name: string): Source {
    const nowMs = monotonicMs();
    const source = sources.get(name) ?? { failures: 0, countedMs: nowMs, waiting: 0 };
    const forgiven = (nowMs - source.countedMs) / forgivenMs;
    source.failures = Math.min(mostCounted, Math.max(0, source.failures - forgiven) + 1);
    source.countedMs = nowMs;
    // The map is in the order of the last failures: the oldest is forgotten first.
    sources.delete(name);
    sources.set(name, source);
    if (sources.size > mostSources) forgetOldest(sources);
    return source;
  }

  function delayOf(name: string, source: Source, port: PortName, mostMs: number): number {
    counters.failed.inc({ port });
    const delayMs = Math.min(mostMs, Math.max(0, source.failures - freeFailures) * stepMs);
    const hasPlace = waiting < mostWaiting && source.waiting < mostWaitingOfSource;
    if (delayMs <= 0 || !hasPlace) return 0;
    counters.delayed.inc({ port });
    if (mayLog(name)) log.warn({ source: name, port }, 'sign-ins fail: refusals are delayed');
    return delayMs;
  }

  return {
    refuse(name, port, refuse, mostMs = mostDelayMs) {
      const source = count(name);
      const delayMs = delayOf(name, source, port, mostMs);
      if (delayMs <= 0) return refuse();
      waiting += 1;
      source.waiting += 1;
      const timer = setTimeout(() => {
        waiting -= 1;
        source.waiting -= 1;
        refuse();
      }, delayMs);
      timer.unref();
    },
  };
}

function createCounters(registry: Registry) {
  const registers = [registry];
  const labelNames = ['port'] as const;
  return {
    failed: new Counter({
      name: 'tollgate_sign_ins_failed_total',
      help: 'Calls with a secret or a client certificate that is not known, or not any more.',
      labelNames,
      registers,
    }),
    delayed: new Counter({
      name: 'tollgate_sign_ins_delayed_total',
      help: 'Those of them whose refusal was delayed, because there were many of one source.',
      labelNames,
      registers,
    }),
  };
}

/** One with refusals under way keeps its count of them. */
function forgetOldest(sources: Map<string, Source>): void {
  for (const [name, { waiting }] of sources) {
    if (waiting > 0) continue;
    sources.delete(name);
    return;
  }
}
