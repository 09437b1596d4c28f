import { ChannelCredentials } from '@grpc/grpc-js';
import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { Registry } from 'prom-client';
import { pino } from 'pino';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { createCallMetrics } from '../../src/grpc/call-metrics.ts';
import { createConnectionMetrics } from '../../src/connections/connection-metrics.ts';
import { createFailedSignIns } from '../../src/connections/failed-sign-ins.ts';
import { startDataServer } from '../../src/grpc/server.ts';
import type { DataServer, DataServerParts } from '../../src/grpc/server.ts';
import { createRpcMetrics } from '../../src/platform/rpc-metrics.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Account } from '../../src/service/auth.ts';
import type { CheckOutput, DataPlane } from '../../src/service/data-plane.ts';

/** The secret that the test server's `Access` knows. */
export const gatewaySecret = 'tg_gateway_test';

/** The caller it stands for. */
export const gateway: Account = {
  name: 'edge',
  grants: [{ role: 'gateway', orgIds: undefined }],
};

/** An ALLOW without any limits. */
export const allowed: Outcome = {
  decision: 'ALLOW',
  reasons: [],
  binding: undefined,
  limits: [],
  warnings: [],
  retryAfterMs: undefined,
  maxOutputTokens: undefined,
  storeContent: 'METADATA',
  heldCost: 5n,
  heldInput: 3n,
  heldOutput: 2n,
  priceRevision: 'MODEL m 1',
  decidedAtMs: 1_000,
  expiresAtMs: 601_000,
};

/** A data plane that says yes to everything, save what a test replaces. */
export function stubDataPlane(replaced: Partial<DataPlane> = {}): DataPlane {
  return {
    check: allow,
    extend: allow,
    explain: allow,
    report: (input) =>
      Promise.resolve({
        orgId: input.orgId ?? 'acme',
        requestId: input.requestId,
        usage: {
          cost: 7n,
          input: input.usage.input,
          output: input.usage.output ?? 0n,
          cachedInput: input.usage.cachedInput,
          cacheWrite: input.usage.cacheWrite,
          cacheWrite1h: input.usage.cacheWrite1h,
          units: input.usage.units,
          reasoningOutput: input.usage.reasoningOutput ?? 0n,
          target: { name: 'm', kind: 'MODEL', provider: undefined, groups: [], members: [] },
          served: input.served,
          priceRevision: 'MODEL m 1',
          unpriced: false,
        },
        overHold: false,
        late: false,
        postPaid: false,
        unattributed: false,
        usageAssumed: false,
        warnings: [],
        replayed: false,
      }),
    async batchReport({ reports }, context) {
      for (const one of reports) await one.report(context);
    },
    release: (input) =>
      Promise.resolve({
        orgId: input.orgId ?? 'acme',
        requestId: input.requestId,
        replayed: false,
      }),
    listTargets: () => Promise.resolve({ items: [], nextToken: undefined }),
    ...replaced,
  };
}

function allow(input: {
  readonly orgId: string | undefined;
  readonly requestId?: string | undefined;
}): Promise<CheckOutput> {
  return Promise.resolve({
    orgId: input.orgId ?? 'acme',
    requestId: input.requestId ?? 'made',
    outcome: allowed,
    replayed: false,
    degraded: false,
    holdState: 'OPEN',
  });
}

/** A running data plane over a stub, with a client that is let in. */
export interface TestServer extends AsyncDisposable {
  readonly server: DataServer;
  readonly address: string;
  readonly client: UnaryClient;
  /** The log lines written so far, parsed. */
  readonly logged: readonly Record<string, unknown>[];
  readonly registry: Registry;
}

/** Starts one on a free port. */
export async function startTestServer(parts: Partial<DataServerParts> = {}): Promise<TestServer> {
  const logged: Record<string, unknown>[] = [];
  const registry = new Registry();
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const server = await startDataServer({
    dataPlane: stubDataPlane(),
    access: {
      authenticate: (secret, plane) => gatewayIf(secret === gatewaySecret && plane === 'data'),
      identify: (name, plane) => gatewayIf(name === 'edge.example' && plane === 'data'),
    },
    log,
    failedSignIns: createFailedSignIns({ registry: registry, log }),
    metrics: createCallMetrics(registry, createRpcMetrics(registry)),
    connectionMetrics: createConnectionMetrics(registry)('data'),
    maxConnections: 1000,
    maxPeerConnections: 1000,
    maxStreams: 1000,
    greetingTimeoutMs: 10_000,
    strangerCalls: 100,
    maxUnreadBytes: 1024 * 1024,
    rpcTimeoutMs: 2000,
    sessionMessages: 64,
    sessionStallMs: 10_000,
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    maxMessageBytes: 64 * 1024,
    keepaliveTimeMs: 60_000,
    keepaliveTimeoutMs: 20_000,
    ...parts,
  });
  const address = `127.0.0.1:${server.port}`;
  const credentials = ChannelCredentials.createInsecure();
  const client = createUnaryClient({ address, credentials, token: gatewaySecret });
  return {
    server,
    address,
    client,
    logged,
    registry,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close(0);
    },
  };
}

function gatewayIf(isKnown: boolean): Account | undefined {
  return isKnown ? gateway : undefined;
}

/** The error that a call fails with. */
export async function refusal(call: Promise<unknown>): Promise<GrpcError> {
  const answer = await call.then(
    () => undefined,
    (error: GrpcError) => error,
  );
  if (answer === undefined) throw new Error('the call was answered');
  return answer;
}
