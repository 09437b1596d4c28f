import type { Settings } from './config.ts';
import { createCallMetrics } from './grpc/call-metrics.ts';
import { createConnectionMetrics } from './connections/connection-metrics.ts';
import { createFailedSignIns } from './connections/failed-sign-ins.ts';
import { startDataServer } from './grpc/server.ts';
import type { DataServer } from './grpc/server.ts';
import type { Clock } from './platform/clock.ts';
import { createLog } from './platform/log.ts';
import { createRpcMetrics } from './platform/rpc-metrics.ts';
import { createUndoList } from './platform/undo.ts';
import type { UndoList } from './platform/undo.ts';
import { createImportPrices } from './service/admin/import-prices.ts';
import { firstStart } from './service/first-start.ts';
import type { FirstSecrets } from './service/first-start.ts';
import { priceSubjectFault } from './wire/admin/price-import.ts';
import { startAdmin, startMetrics } from './app/admin-ports.ts';
import { openStore } from './app/open-store.ts';
import type { Store } from './app/open-store.ts';
import { tlsOf } from './app/tls.ts';

/** A running Tollgate. */
export interface App {
  readonly dataPort: number;
  readonly adminPort: number;
  /** Undefined: the admin port answers `/metrics`. */
  readonly metricsPort: number | undefined;
  /** Made at the first start on an empty store, and shown never again. */
  readonly secrets: FirstSecrets | undefined;
  /** Sweeps expired holds now; how many it ended. */
  expireHolds(): Promise<number>;
  /**
   * Says NOT_SERVING, waits `drainWaitMs` (its setting, unless given), finishes calls and lets everything go,
   * all of it within `drainWaitMs` and the setting `TOLLGATE_DRAIN_TIMEOUT` together.
   */
  close(drainWaitMs?: number): Promise<void>;
}

/** The part of the drain timeout that calls may take; the rest is for what is behind them. */
const callsShare = 0.75;

/** What is asked of an app beside its settings. */
export interface AppOptions {
  /** Replaces the database's. */
  readonly clock?: Clock;
  /** Shows the secrets of a first start; they are committed after it, and not if it fails. */
  readonly showSecrets?: (secrets: FirstSecrets) => Promise<void>;
}

/** Starts everything that the settings ask for. Fails whole or not at all. */
export async function createApp(settings: Settings, more: AppOptions = {}): Promise<App> {
  const undo = createUndoList();
  try {
    return await start(settings, more, undo);
  } catch (cause) {
    await undo.run(performance.now() + settings.drainTimeoutMs).catch(() => {
      // The first failure is the one to report; the others follow from it.
    });
    throw cause;
  }
}

async function start(settings: Settings, more: AppOptions, undo: UndoList): Promise<App> {
  const { log, close: closeLog } = createLog(settings.logLevel);
  undo.add(closeLog);
  const serving = createServing();
  const store = await openStore(settings, more.clock, log, undo, (isAway) => serving.set(!isAway));
  const callsMs = settings.drainTimeoutMs * callsShare;

  const rpcMetrics = createRpcMetrics(store.metrics);
  const connectionMetrics = createConnectionMetrics(store.metrics);
  const failedSignIns = createFailedSignIns({ registry: store.metrics, log });
  const adminParts = { store, log, rpcMetrics, connectionMetrics, failedSignIns };
  const metrics = await startMetrics(settings, adminParts, undo);
  const dataServer = await startDataServer({
    dataPlane: store.dataPlane,
    access: store.access,
    log,
    metrics: createCallMetrics(store.metrics, rpcMetrics),
    connectionMetrics: connectionMetrics('data'),
    failedSignIns,
    ...settings.dataListen,
    tls: tlsOf(settings),
    ...settings,
  });

  // Noted before the second is started: it may find its port taken.
  const servers: Closing[] = [dataServer];
  undo.add(() => closeServers(servers, callsMs));
  const adminServer = await startAdmin(settings, adminParts, metrics.onAdminPort);
  servers.push(adminServer);

  // After the ports are bound: a start that fails before loses no secrets.
  const secrets = await makeFirstSecrets(settings, store, more.showSecrets);
  let drainWaitMs = settings.drainWaitMs;
  serving.begin(servers, !store.watch.isAway);
  undo.add(async () => {
    serving.end();
    await new Promise((done) => setTimeout(done, drainWaitMs));
  });
  const ports = {
    dataPort: dataServer.port,
    adminPort: adminServer.port,
    metricsPort: metrics.port,
  };
  log.info(ports, 'serving');
  return {
    ...ports,
    secrets,
    expireHolds: () => store.expireHolds(),
    close(waitMs = settings.drainWaitMs) {
      drainWaitMs = waitMs;
      return undo.run(performance.now() + waitMs + settings.drainTimeoutMs);
    },
  };
}

type Closing = Pick<DataServer, 'setServing' | 'close'>;

async function closeServers(servers: readonly Closing[], deadlineMs: number): Promise<void> {
  await Promise.all(servers.map((server) => server.close(deadlineMs)));
}

/** Tells the servers whether the store answers, from `begin` until `end`. */
function createServing() {
  let servers: readonly Closing[] = [];
  const set = (isServing: boolean): void => {
    for (const server of servers) server.setServing(isServing);
  };
  return {
    set,
    begin(all: readonly Closing[], isServing: boolean): void {
      servers = all;
      set(isServing);
    },
    end(): void {
      set(false);
      servers = [];
    },
  };
}

function makeFirstSecrets(
  settings: Settings,
  { accessStore, policyStore, clock }: Store,
  show: AppOptions['showSecrets'],
): Promise<FirstSecrets | undefined> {
  const parts = { store: policyStore, clock, subjectFault: priceSubjectFault };
  const importPrices = createImportPrices(parts);
  const withExample = settings.example;
  return firstStart({ access: accessStore, store: policyStore, withExample, importPrices, show });
}
