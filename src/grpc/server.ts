import { Server, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Health as HealthService } from '../../gen/grpc/health/v1/health_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { rightOf } from '../auth/rights.ts';
import type { FailedSignIns } from '../connections/failed-sign-ins.ts';
import type { DataPlane } from '../service/data-plane.ts';
import { bytesDefinition } from './codec.ts';
import { createDecisions } from './decision-service.ts';
import { createHealth } from './health.ts';
import { listen } from './listen.ts';
import type { ListenParts } from './listen.ts';
import { addReflection } from './reflection.ts';
import type { SessionLimits } from './session.ts';
import { createStreamGate } from './stream-gate.ts';
import type { GateMethod } from './stream-gate.ts';
import type { Surroundings } from './surround.ts';

/** What the data plane's server is made of. */
export interface DataServerParts extends Surroundings, SessionLimits, ListenParts {
  readonly dataPlane: DataPlane;
  readonly maxMessageBytes: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Bytes of requests that have not come whole, of all connections; one may use a quarter. */
  readonly maxUnreadBytes: number;
  readonly failedSignIns: FailedSignIns;
}

/** The running data plane. */
export interface DataServer {
  readonly port: number;
  /** Says by `grpc.health.v1` whether calls would be answered; at first they would not. */
  setServing(isServing: boolean): void;
  /**
   * Accepts no more calls, finishes those in flight within the deadline, then cuts what is left. Sessions read no
   * more, and end when what they read is answered.
   * Say NOT_SERVING some time before, so that balancers look elsewhere.
   */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the data plane's server. Fails if the port cannot be taken. */
export async function startDataServer(parts: DataServerParts): Promise<DataServer> {
  // What grpc-js has to say comes to us as errors; its own lines would stand unformatted in our log.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    'grpc.max_receive_message_length': parts.maxMessageBytes,
    'grpc.keepalive_time_ms': parts.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': parts.keepaliveTimeoutMs,
    // Bookkeeping per call that is never read.
    'grpc.enable_channelz': 0,
  });
  const health = createHealth([DecisionService.typeName]);
  const decisions = createDecisions(parts.dataPlane, parts);
  server.addService(bytesDefinition(DecisionService), decisions.handlers);
  server.addService(bytesDefinition(HealthService), health.handlers);
  addReflection(server, [DecisionService, HealthService]);
  const gate = createStreamGate({
    ...parts,
    methods: gateMethods(),
    unread: (bytes) => parts.connectionMetrics.unread(bytes),
  });
  const open = await listen(parts, server, gate).catch((cause: unknown) => {
    gate.stop();
    throw cause;
  });
  return {
    port: open.port,
    setServing: (isServing) => health.setServing(isServing),
    async close(deadlineMs) {
      health.setServing(false);
      health.endWatches();
      decisions.endSessions();
      await open.close(deadlineMs);
      gate.stop();
    },
  };
}

const reflectionPaths = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);

function gateMethods(): ReadonlyMap<string, GateMethod> {
  const ofServices = [DecisionService, HealthService].flatMap((service) =>
    service.methods.map((method): [string, GateMethod] => [
      `/${service.typeName}/${method.name}`,
      {
        rpc: method.name,
        isUnary: method.methodKind === 'unary',
        right: service === HealthService ? undefined : rightOf(method),
      },
    ]),
  );
  const reflection = { rpc: 'ServerReflectionInfo', isUnary: false, right: undefined };
  return new Map([...ofServices, ...reflectionPaths.map((path) => [path, reflection] as const)]);
}
