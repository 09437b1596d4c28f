import { Server, ServerCredentials, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Health as HealthService } from '../../gen/grpc/health/v1/health_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { DataPlane } from '../service/data-plane.ts';
import { bytesDefinition } from './codec.ts';
import { createDecisions } from './decision-service.ts';
import { createHealth } from './health.ts';
import { addReflection } from './reflection.ts';
import type { SessionLimits } from './session.ts';
import type { Surroundings } from './surround.ts';

/** Certificate, key and optionally the authority that client certificates must come from, all PEM. */
export interface ServerTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Present: every client must show a certificate of this authority. */
  readonly clientCa: Buffer | undefined;
}

/** What the data plane's server is made of. */
export interface DataServerParts extends Surroundings, SessionLimits {
  readonly dataPlane: DataPlane;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: ServerTls | undefined;
  readonly maxMessageBytes: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
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
    // Bookkeeping per call that nobody reads.
    'grpc.enable_channelz': 0,
  });
  const health = createHealth([DecisionService.typeName]);
  const decisions = createDecisions(parts.dataPlane, parts);
  server.addService(bytesDefinition(DecisionService), decisions.handlers);
  server.addService(bytesDefinition(HealthService), health.handlers);
  addReflection(server, [DecisionService, HealthService]);
  const host = parts.host.includes(':') ? `[${parts.host}]` : parts.host;
  const port = await listen(server, `${host}:${parts.port}`, parts.tls);
  return {
    port,
    setServing: (isServing) => health.setServing(isServing),
    async close(deadlineMs) {
      health.setServing(false);
      health.endWatches();
      decisions.endSessions();
      await shutDown(server, `${host}:${port}`, deadlineMs);
    },
  };
}

function listen(server: Server, address: string, tls: ServerTls | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentialsOf(tls), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`the data plane cannot listen on ${address}`, { cause: error }));
    });
  });
}

function credentialsOf(tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { private_key: tls.key, cert_chain: tls.certificate };
  return ServerCredentials.createSsl(tls.clientCa ?? null, [pair], tls.clientCa !== undefined);
}

function shutDown(server: Server, address: string, deadlineMs: number): Promise<void> {
  // Not forceShutdown: without channelz it knows of no connections. Drain says goodbye to each connection
  // and cuts those that are left at the deadline; the shutdown is done when all are gone.
  server.drain(address, deadlineMs);
  return new Promise((resolve) => server.tryShutdown(() => resolve()));
}
