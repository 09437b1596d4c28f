import { createMetricsHandler } from '../admin/http/metrics-handler.ts';
import type { Handler } from '../admin/http/rpc-handler.ts';
import { connectionTimeouts } from '../admin/http/timeouts.ts';
import { startMetricsServer } from '../admin/metrics-server.ts';
import { startAdminServer } from '../admin/server.ts';
import type { AdminServer } from '../admin/server.ts';
import type { Settings } from '../config.ts';
import type { ConnectionMetrics, PortName } from '../connections/connection-metrics.ts';
import type { FailedSignIns } from '../connections/failed-sign-ins.ts';
import type { Log } from '../platform/log.ts';
import type { RpcMetrics } from '../platform/rpc-metrics.ts';
import type { UndoList } from '../platform/undo.ts';
import type { Store } from './open-store.ts';
import { tlsOf } from './tls.ts';

const metricsMaxAgeMs = 1000;

/** What the ports for administrators have in common. */
export interface AdminPortParts {
  readonly store: Store;
  readonly log: Log;
  readonly rpcMetrics: RpcMetrics;
  readonly connectionMetrics: (port: PortName) => ConnectionMetrics;
  readonly failedSignIns: FailedSignIns;
}

/** Where `/metrics` is answered: by this handler on the admin port, or on a port of its own. */
export interface MetricsPort {
  readonly onAdminPort: Handler | undefined;
  /** Undefined: there is none. */
  readonly port: number | undefined;
}

/** Opens the port of `/metrics`, if it has one. Ended late, so that a drain can be watched. */
export async function startMetrics(
  settings: Settings,
  { store, connectionMetrics }: AdminPortParts,
  undo: UndoList,
): Promise<MetricsPort> {
  const timeouts = connectionTimeouts(settings.adminTimeoutMs);
  const metrics = createMetricsHandler({
    registry: store.metrics,
    token: settings.metricsToken,
    maxAgeMs: metricsMaxAgeMs,
    lingerMs: timeouts.lingerMs,
  });
  if (settings.metricsListen === undefined) return { onAdminPort: metrics, port: undefined };
  const listener = await startMetricsServer({
    metrics,
    timeouts,
    connectionMetrics: connectionMetrics('metrics'),
    ...limitsOf(settings),
    ...settings.metricsListen,
  });
  undo.add(() => listener.close(0));
  return { onAdminPort: undefined, port: listener.port };
}

/** Opens the admin port. */
export function startAdmin(
  settings: Settings,
  { store, log, rpcMetrics, connectionMetrics, failedSignIns }: AdminPortParts,
  metrics: Handler | undefined,
): Promise<AdminServer> {
  return startAdminServer({
    ...store,
    store: store.policyStore,
    log,
    rpcMetrics,
    failedSignIns,
    metrics,
    connectionMetrics: connectionMetrics('admin'),
    timeoutMs: settings.adminTimeoutMs,
    maxMessageBytes: settings.maxMessageBytes,
    maxUnreadBytes: settings.adminMaxUnreadBytes,
    maxCallerCalls: settings.adminCallerCalls,
    ...limitsOf(settings),
    ...settings.adminListen,
  });
}

function limitsOf(settings: Settings) {
  return {
    tls: tlsOf(settings),
    maxConnections: settings.adminMaxConnections,
    maxPeerConnections: settings.adminMaxPeerConnections,
    greetingTimeoutMs: settings.greetingTimeoutMs,
    strangerCalls: settings.strangerCalls,
    maxStreams: settings.maxStreams,
  };
}
