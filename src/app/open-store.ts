import { createLastUses } from '../auth/last-uses.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { createPgAuditTrail } from '../audit/pg-audit-trail.ts';
import { createPgAccess } from '../auth/pg-access.ts';
import { createPgAccessStore } from '../auth/pg-access-store.ts';
import { createPgAccounts } from '../auth/pg-accounts.ts';
import type { Settings } from '../config.ts';
import { startEmbeddedPostgres } from '../db/embedded.ts';
import {
  failureLabel,
  faultOf,
  isLockTimeout,
  isPoison,
  isStatementTimeout,
  storeFailure,
} from '../db/errors.ts';
import { migrate } from '../db/migrate.ts';
import { streamOf } from '../db/open-client.ts';
import type { StoreWatch } from '../db/store-watch.ts';
import { createLedgerMetrics } from '../platform/ledger-metrics.ts';
import type { LedgerMetrics } from '../platform/ledger-metrics.ts';
import { createLogThrottle } from '../platform/log-throttle.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createPgLedger } from '../ledger/pg-ledger.ts';
import { rebuildWindows } from '../ledger/record/rebuild-windows.ts';
import { changeUsage } from '../ledger/usage/change-usage.ts';
import { databaseNowMs } from '../ledger/sql/database-now.ts';
import { createSweep } from '../ledger/sweep/sweep.ts';
import type { Sweep } from '../ledger/sweep/sweep.ts';
import type { Clock } from '../platform/clock.ts';
import { createDatabaseClock, handMovedClock } from '../platform/database-clock.ts';
import type { FollowingClock } from '../platform/database-clock.ts';
import type { Log } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { UndoList } from '../platform/undo.ts';
import { createCachedPolicies } from '../policies/cache/cached-policies.ts';
import type { CachedPolicies } from '../policies/cache/cached-policies.ts';
import { createPgPolicyStore } from '../policies/store/pg-policy-store.ts';
import type { PolicyStore } from '../policies/policy-store.ts';
import { startPolicyWatch } from '../policies/cache/policy-watch.ts';
import type { Access, AccessStore } from '../service/auth.ts';
import { createBatchReport } from '../service/batch-report.ts';
import { createCheck } from '../service/check.ts';
import type { DataPlane } from '../service/data-plane.ts';
import { createExplain } from '../service/explain.ts';
import { createExtend } from '../service/extend.ts';
import type { AccountStore } from '../service/admin/accounts.ts';
import { openCalls } from './open-calls.ts';
import type { CallParts } from './open-calls.ts';
import { openUsage } from './open-usage.ts';
import type { UsageRouteParts } from '../admin/routes/usage.ts';
import { createListTargets } from '../service/list-targets.ts';
import { createRelease } from '../service/release.ts';
import { createReport } from '../service/report.ts';
import { closePlanner } from '../service/settlement.ts';
import { openPolicyReads } from './open-policy-reads.ts';
import type { PolicyReads } from '../admin/routes/policies.ts';
import { chooseBatch } from './batch-mode.ts';
import { connectStore } from './connect-store.ts';
import type { StoreConnections } from './connect-store.ts';
import { startJobs } from './jobs.ts';

/** Everything below the two planes. */
export interface Store {
  readonly watch: StoreWatch;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly accessStore: AccessStore;
  readonly accounts: AccountStore;
  readonly policyStore: PolicyStore;
  readonly dataPlane: DataPlane;
  readonly events: CallParts['events'];
  readonly calls: CallParts['calls'];
  readonly auditTrail: AuditTrail;
  readonly clock: Clock;
  readonly usage: UsageRouteParts;
  readonly policyReads: PolicyReads;
  /** Ends at once the holds that are due, of one organization or of all; how many. */
  expireHolds(orgId?: string, signal?: AbortSignal): Promise<number>;
}

/** Opens database, policies and ledger, starts the jobs, and makes what the planes need. */
export async function openStore(
  wanted: Settings,
  hand: Clock | undefined,
  log: Log,
  undo: UndoList,
  onAway: (isAway: boolean) => void,
): Promise<Store> {
  const metrics = createMetrics();
  const ledgerMetrics = createLedgerMetrics(metrics);
  const clock = hand === undefined ? createDatabaseClock() : handMovedClock(hand);
  const url = await openDatabase(wanted, log, undo);
  const connections = await connectStore(wanted, url, { log, onAway }, undo);
  const settings = await chooseBatch(wanted, connections.jobs, log);
  await learnTime(connections, clock);
  const policies = openPolicies(settings, connections, clock, log, undo);
  const policyStore = createPgPolicyStore({
    pool: connections.admin,
    clock,
    onChange: (change) => policies.noticed(change),
    onUsageChange: (client, orgId, change) => changeUsage(client, orgId, change, clock),
    onCalendarChange: (client, orgId, calendar) => rebuildWindows(client, orgId, calendar, clock),
  });
  const ledger = openLedger(settings, connections, { clock, metrics: ledgerMetrics, log }, undo);
  const sweep = openSweep(settings, connections, { clock, metrics: ledgerMetrics, policies }, undo);
  startJobs(settings, { pool: connections.jobs, clock, log, metrics: ledgerMetrics, sweep }, undo);
  const access = openAccess(connections, log, undo);
  const dataPlane = createDataPlane(settings, policies, ledger, clock);
  const usage = openUsage(connections, { store: policyStore, policies, ledger, clock });
  const { calls, events } = openCalls(connections.admin, {
    store: policyStore,
    policies,
    ledger,
    clock,
  });
  const policyReads = openPolicyReads({ policies, ledger, clock });
  const planes = { dataPlane, events, calls, clock, usage, policyReads };
  return {
    watch: connections.watch,
    metrics,
    access,
    accessStore: createPgAccessStore(connections.admin),
    accounts: createPgAccounts(connections.admin),
    policyStore,
    ...planes,
    auditTrail: createPgAuditTrail(connections.admin),
    expireHolds: (orgId, signal) => sweep.endNow(orgId, signal),
  };
}

function openAccess({ access: pool, jobs }: StoreConnections, log: Log, undo: UndoList) {
  const lastUses = createLastUses({
    pool: jobs,
    onFailure: (err) => log.warn({ err }, 'the last uses of secrets could not be written'),
  });
  undo.add(() => lastUses.close());
  const access = createPgAccess({ pool, onUse: (sha256) => lastUses.note(sha256) });
  undo.add(async () => access.close());
  return access;
}

/** The database's URL, its schema up to date. */
async function openDatabase(settings: Settings, log: Log, undo: UndoList): Promise<string> {
  let url = settings.databaseUrl;
  if (url === undefined) {
    const { folder } = settings;
    const onLine = (line: string): void => log.debug({ postgres: line }, 'embedded PostgreSQL');
    const embedded = await startEmbeddedPostgres({ folder, onLine });
    undo.add(() => embedded.stop());
    url = embedded.url;
  }
  const migrations = await migrate(url, {
    silenceMs: settings.storeTimeoutMs,
    onWait: () => log.info('waits for another process that brings the schema up to date'),
  });
  if (migrations.length > 0) log.info({ migrations }, 'schema brought up to date');
  return url;
}

/** Asks the database for its time, so that already the first call is counted in the windows of now. */
async function learnTime({ jobs }: StoreConnections, clock: FollowingClock): Promise<void> {
  const sentMs = performance.now();
  const { rows } = await jobs.query<{ now: string }>(`SELECT ${databaseNowMs} AS now`);
  const receivedMs = performance.now();
  for (const { now } of rows) clock.read({ databaseNowMs: Number(now), sentMs, receivedMs });
}

function openPolicies(
  settings: Settings,
  { lookUps, url, sockets }: StoreConnections,
  clock: Clock,
  log: Log,
  undo: UndoList,
): CachedPolicies {
  const policies = createCachedPolicies({
    pool: lookUps,
    clock,
    perOrganization: settings.batch === 'per-org',
  });
  undo.add(() => policies.close());
  if (!settings.policyWatch) return policies;
  const watch = startPolicyWatch({
    url,
    sockets,
    connectTimeoutMs: settings.storeTimeoutMs,
    onNotice: (notice) => policies.noticed(notice),
    onLost: (err) => log.warn({ err }, 'policy notices lost; Checks read changes themselves'),
  });
  undo.add(() => watch.close());
  return policies;
}

function openLedger(
  settings: Settings,
  { lookUps, explain, connectLane, watch }: StoreConnections,
  { clock, metrics, log }: { clock: FollowingClock; metrics: LedgerMetrics; log: Log },
  undo: UndoList,
): Ledger {
  const monotonicMs = (): number => performance.now();
  const throttle = { intervalMs: 60_000, maxKeys: 1000, monotonicMs };
  const mayLogSaturated = createLogThrottle(throttle);
  const mayLogLocked = createLogThrottle(throttle);
  const ledger = createPgLedger({
    pools: { lookUps, explain },
    connect: connectLane,
    streamOf,
    silenceMs: settings.storeTimeoutMs,
    probeStore: () => watch.probeNow(),
    clock,
    lanes: settings.lanes,
    maxBatch: settings.maxBatch,
    maxQueue: settings.maxQueue,
    // The other half of their pool is for cancelling them, and for reading usage.
    explainsAtOnce: Math.max(1, Math.floor(settings.explainPoolSize / 2)),
    perOrganization: settings.batch === 'per-org',
    durableHolds: settings.durableHolds,
    maxRememberedCalls: settings.rememberedCalls,
    lockTimeoutMs: Math.ceil(settings.storeTimeoutMs / 5),
    isLocked: isLockTimeout,
    isStatementTimeout,
    isRetryable: (cause) => faultOf(cause).retryable,
    isPoison,
    failure: storeFailure,
    monotonicMs,
    onBatch: (size, seconds, way) => metrics.batch(size, seconds, way),
    onSaturated(orgId, meter) {
      metrics.saturated();
      // Called by every batch that touches such a meter.
      if (!mayLogSaturated(`${orgId}\n${meter}`)) return;
      log.warn({ orgId, meter }, 'the sums of a meter have reached the largest int64');
    },
    onFailure(err, size) {
      // The organization that was locked is logged instead.
      if (!isLockTimeout(err)) log.warn({ err, size }, 'a batch failed');
      metrics.batchFailed(failureLabel(err));
    },
    onRefused: () => metrics.refused(),
    onSetAside: (change) => metrics.setAside(change),
    onLocked(orgId) {
      if (!mayLogLocked(orgId)) return;
      log.warn({ orgId }, 'an organization is locked by another session of the database');
    },
  });
  undo.add(() => ledger.close());
  return ledger;
}

function openSweep(
  settings: Settings,
  { connectLane }: StoreConnections,
  parts: { clock: FollowingClock; metrics: LedgerMetrics; policies: CachedPolicies },
  undo: UndoList,
): Sweep {
  const { clock, metrics, policies } = parts;
  const sweep = createSweep({
    connect: connectLane,
    streamOf,
    silenceMs: settings.storeTimeoutMs,
    clock,
    perOrganization: settings.batch === 'per-org',
    plan: closePlanner(policies),
    isStoreWide: (cause) => faultOf(cause).blame === 'away',
    isTransient: (cause) => faultOf(cause).retryable,
    failure: storeFailure,
    monotonicMs: () => performance.now(),
    onEnded: (holds) => metrics.expired(holds),
  });
  undo.add(() => sweep.close());
  return sweep;
}

function createDataPlane(
  { maxQueue }: Settings,
  policies: CachedPolicies,
  ledger: Ledger,
  clock: Clock,
): DataPlane {
  const parts = { policies, ledger, clock };
  return {
    check: createCheck(parts),
    report: createReport(parts),
    batchReport: createBatchReport({ policies, maxQueue, monotonicMs: () => performance.now() }),
    release: createRelease(parts),
    extend: createExtend(parts),
    explain: createExplain(parts),
    listTargets: createListTargets(parts),
  };
}
