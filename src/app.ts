import type { Pool } from 'pg';
import type { Settings } from './config.ts';
import { startAdminServer } from './admin/server.ts';
import { createCallMetrics } from './grpc/call-metrics.ts';
import { startDataServer } from './grpc/server.ts';
import type { DataServer } from './grpc/server.ts';
import type { Clock } from './platform/clock.ts';
import { createLog } from './platform/log.ts';
import type { Log } from './platform/log.ts';
import { createRpcMetrics } from './platform/rpc-metrics.ts';
import { watchReadiness } from './platform/readiness.ts';
import { createUndoList } from './platform/undo.ts';
import type { UndoList } from './platform/undo.ts';
import type { FirstSecrets } from './service/first-start.ts';
import { openStore } from './app/open-store.ts';

/** A running Tollgate. */
export interface App {
  readonly dataPort: number;
  readonly adminPort: number;
  /** Made at the first start on an empty store, and shown never again. */
  readonly secrets: FirstSecrets | undefined;
  /** Sweeps expired holds now; how many it ended. */
  expireHolds(): Promise<number>;
  /** Says NOT_SERVING, waits `drainWaitMs` (its setting, unless given), finishes calls, lets everything go. */
  close(drainWaitMs?: number): Promise<void>;
}

/** Starts everything that the settings ask for; a `clock` replaces the database's. Fails whole or not at all. */
export async function createApp(
  settings: Settings,
  more: { readonly clock?: Clock } = {},
): Promise<App> {
  const undo = createUndoList();
  try {
    return await start(settings, more.clock, undo);
  } catch (cause) {
    await undo.run().catch(() => {
      // The first failure is the one to tell; these follow from it.
    });
    throw cause;
  }
}

async function start(settings: Settings, clock: Clock | undefined, undo: UndoList): Promise<App> {
  const { log, close: closeLog } = createLog(settings.logLevel);
  undo.add(closeLog);
  const store = await openStore(settings, clock, log, undo);

  const rpcMetrics = createRpcMetrics(store.metrics);
  const dataServer = await startDataServer({
    dataPlane: store.dataPlane,
    access: store.access,
    log,
    metrics: createCallMetrics(store.metrics, rpcMetrics),
    ...settings.dataListen,
    tls: tlsOf(settings),
    ...settings,
  });
  undo.add(() => dataServer.close(settings.drainTimeoutMs));

  const adminServer = await startAdminServer({
    ...store,
    store: store.policyStore,
    log,
    rpcMetrics,
    timeoutMs: settings.adminTimeoutMs,
    ...settings.adminListen,
    tls: tlsOf(settings),
    maxMessageBytes: settings.maxMessageBytes,
  });
  undo.add(() => adminServer.close(settings.drainTimeoutMs));

  let drainWaitMs = settings.drainWaitMs;
  await serveWhileReady(store.pool, [dataServer, adminServer], () => drainWaitMs, log, undo);
  log.info({ dataPort: dataServer.port, adminPort: adminServer.port }, 'serving');
  return {
    dataPort: dataServer.port,
    adminPort: adminServer.port,
    secrets: store.secrets,
    expireHolds: () => store.expireHolds(),
    close(waitMs = settings.drainWaitMs) {
      drainWaitMs = waitMs;
      return undo.run();
    },
  };
}

/** Resolves at the first SERVING; at the end says NOT_SERVING and goes on answering for a while. */
async function serveWhileReady(
  pool: Pool,
  servers: readonly Pick<DataServer, 'setServing'>[],
  drainWaitMs: () => number,
  log: Log,
  undo: UndoList,
): Promise<void> {
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const tell = (isReady: boolean): void => {
    for (const server of servers) server.setServing(isReady);
    if (isReady) resolve();
    else log.warn('the store does not answer: not serving');
  };
  const readiness = watchReadiness(() => pool.query('SELECT 1'), tell);
  undo.add(async () => {
    await readiness.stop();
    for (const server of servers) server.setServing(false);
    await new Promise((done) => setTimeout(done, drainWaitMs()));
  });
  await ready;
}

function tlsOf({ tlsCertificate, tlsKey, tlsClientCa }: Settings) {
  if (tlsCertificate === undefined || tlsKey === undefined) return undefined;
  return { certificate: tlsCertificate, key: tlsKey, clientCa: tlsClientCa };
}
