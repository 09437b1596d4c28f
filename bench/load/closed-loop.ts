import { createConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import { planCalls } from './call-plan.ts';
import type { LoadOrder, LoadResult } from './order.ts';
import { benchUsers } from '../scene.ts';

/** Callers that each send a call when the one before is answered. */
export interface ClosedLoop {
  /** Forgets what was measured so far, and measures from now on. */
  measure(): void;
  /** Sends nothing more; returns what was measured. */
  stop(): LoadResult;
  /** Resolves when the last call is answered, after `stop`; rejects as soon as anything is not as it must be. */
  readonly drained: Promise<void>;
  /** Closes the connections. */
  close(): void;
}

/** Connections of one load generator: a gateway has several, and a server reads each at once. */
const maxConnections = 4;

interface Caller {
  number: number;
  step: number;
  startedMs: number;
  isAnswered: boolean;
}

/** Starts the callers of an order. */
export function startClosedLoop(order: LoadOrder): ClosedLoop {
  const plan = planCalls(order, Date.now().toString(36));
  const { users = benchUsers, offset = 0, orgIds } = order;
  const { promise: drained, resolve, reject } = Promise.withResolvers<void>();
  const connections: Connection[] = [];
  let latenciesMs: number[] = [];
  let measuredFromMs = performance.now();
  let isStopped = false;
  let sent = 0;
  let open = 0;

  function connectCallers(callers: number): void {
    const calling = new Map<number, Caller>();
    const connection = createConnection(order.port, {
      message(stream, bytes, start, end) {
        const caller = callerOf(calling, stream);
        stepOf(caller).check(bytes, start, end, caller.number);
        caller.isAnswered = true;
      },
      ended(stream, grpcStatus) {
        const caller = callerOf(calling, stream);
        calling.delete(stream);
        if (grpcStatus !== 0) throw new Error(`a call ended with gRPC status ${grpcStatus}`);
        if (!caller.isAnswered) throw new Error('a call ended without an answer');
        goOn(caller);
      },
      failed: reject,
    });
    connections.push(connection);

    function goOn(caller: Caller): void {
      caller.step += 1;
      if (caller.step < plan.steps.length) return send(caller);
      open -= 1;
      const nowMs = performance.now();
      if (!isStopped) {
        latenciesMs.push(nowMs - caller.startedMs);
        begin(caller, nowMs);
      } else if (open === 0) resolve();
    }

    function begin(caller: Caller, nowMs: number): void {
      sent += 1;
      open += 1;
      caller.number = plan.numberOf(sent);
      caller.step = 0;
      caller.startedMs = nowMs;
      send(caller);
    }

    function send(caller: Caller): void {
      const { number } = caller;
      const template = stepOf(caller).templates[number % orgIds.length];
      if (template === undefined) throw new Error('an order without an organization');
      caller.isAnswered = false;
      // Neighbours in time are not neighbours in the store; a prime of no small number of users.
      const user = ((offset + number) * 7919) % users;
      calling.set(connection.call(template, number, user), caller);
    }

    for (let index = 0; index < callers; index += 1) {
      begin({ number: 0, step: 0, startedMs: 0, isAnswered: false }, performance.now());
    }
    connection.flush();
  }

  function stepOf({ step }: Caller) {
    const found = plan.steps[step];
    if (found === undefined) throw new Error(`a call without step ${step}`);
    return found;
  }

  const count = Math.min(maxConnections, order.inFlight);
  for (let index = 0; index < count; index += 1) {
    connectCallers(Math.floor(order.inFlight / count) + (index < order.inFlight % count ? 1 : 0));
  }
  return {
    drained,
    measure() {
      latenciesMs = [];
      measuredFromMs = performance.now();
    },
    stop() {
      isStopped = true;
      return resultOf(sent, latenciesMs, (performance.now() - measuredFromMs) / 1000);
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

function callerOf(calling: ReadonlyMap<number, Caller>, stream: number): Caller {
  const caller = calling.get(stream);
  if (caller === undefined) throw new Error(`an answer on stream ${stream}, which is not open`);
  return caller;
}

function resultOf(sent: number, latenciesMs: readonly number[], seconds: number): LoadResult {
  const sorted = Float64Array.from(latenciesMs).toSorted();
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000) / 1000;
  return {
    sent,
    answered: sorted.length,
    seconds,
    perSecond: Math.round(sorted.length / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}
