import type { Pool } from 'pg';
import { createPgAccess, maxAccessQueries } from '../access/pg-access.ts';
import { createPgAccessStore } from '../access/pg-access-store.ts';
import type { Settings } from '../config.ts';
import { startEmbeddedPostgres } from '../db/embedded.ts';
import { faultOf, isPoison, storeFailure } from '../db/errors.ts';
import { connectLane } from '../db/lane-client.ts';
import { migrate } from '../db/migrate.ts';
import { createPool } from '../db/pool.ts';
import { createLedgerMetrics } from '../platform/ledger-metrics.ts';
import type { LedgerMetrics } from '../platform/ledger-metrics.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createPgEvents } from '../ledger/pg-events.ts';
import { createPgLedger } from '../ledger/pg-ledger.ts';
import { rebuildWindows } from '../ledger/rebuild-windows.ts';
import type { Clock } from '../platform/clock.ts';
import { createDatabaseClock, handMovedClock } from '../platform/database-clock.ts';
import type { FollowingClock } from '../platform/database-clock.ts';
import type { Log } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { UndoList } from '../platform/undo.ts';
import { createCachedPolicies } from '../policies/cached-policies.ts';
import type { CachedPolicies } from '../policies/cached-policies.ts';
import { createPgPolicyStore } from '../policies/pg-policy-store.ts';
import type { PolicyStore } from '../policies/policy-store.ts';
import { startPolicyWatch } from '../policies/policy-watch.ts';
import type { Access } from '../service/access.ts';
import { createBatchReport } from '../service/batch-report.ts';
import { createCheck } from '../service/check.ts';
import type { DataPlane } from '../service/data-plane.ts';
import { createExpireHolds } from '../service/expire-holds.ts';
import { createExplain } from '../service/explain.ts';
import { createExtend } from '../service/extend.ts';
import type { Events } from '../service/events.ts';
import { firstStart } from '../service/first-start.ts';
import type { FirstSecrets } from '../service/first-start.ts';
import { createGetUsage } from '../service/get-usage.ts';
import { createListTargets } from '../service/list-targets.ts';
import { createRelease } from '../service/release.ts';
import { createReport } from '../service/report.ts';
import { startJobs } from './jobs.ts';

/** Everything below the two planes. */
export interface Store {
  readonly pool: Pool;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly policyStore: PolicyStore;
  readonly dataPlane: DataPlane;
  readonly events: Events;
  readonly clock: Clock;
  readonly getUsage: ReturnType<typeof createGetUsage>;
  readonly secrets: FirstSecrets | undefined;
  expireHolds(orgId?: string): Promise<number>;
}

/** Opens database, policies and ledger, starts the jobs, and makes what the planes need. */
export async function openStore(
  settings: Settings,
  hand: Clock | undefined,
  log: Log,
  undo: UndoList,
): Promise<Store> {
  const metrics = createMetrics();
  const ledgerMetrics = createLedgerMetrics(metrics);
  const clock = hand === undefined ? createDatabaseClock() : handMovedClock(hand);
  const url = await openDatabase(settings, log, undo);
  const pool = createPool({
    url,
    applicationName: 'tollgate',
    maxConnections: settings.poolSize,
    statementTimeoutMs: settings.statementTimeoutMs,
    poolWaitMs: settings.poolWaitMs,
    onIdleError: (err) => log.warn({ err }, 'database connection lost'),
  });
  undo.add(() => pool.end());
  await learnTime(pool, clock);
  const policies = openPolicies(settings, { pool, url, log }, undo);
  const policyStore = createPgPolicyStore({
    pool,
    clock,
    onChange: (change) => policies.noticed(change),
    onCalendarChange: (client, orgId, calendar) => rebuildWindows(client, orgId, calendar, clock),
  });
  const ledger = openLedger(settings, { pool, url, clock, metrics: ledgerMetrics }, undo);
  const sweep = createExpireHolds({ policies, ledger });
  const expireHolds = async (orgId?: string): Promise<number> => {
    const ended = await sweep(orgId);
    ledgerMetrics.expired(ended);
    return ended;
  };
  startJobs(settings, { pool, clock, log, metrics: ledgerMetrics, expireHolds }, undo);
  const secrets = await firstStart({
    access: createPgAccessStore(pool),
    store: policyStore,
    withExample: settings.example,
  });
  const access = openAccess(settings, url, log, undo);
  const dataPlane = createDataPlane(settings, policies, ledger, clock);
  const events = createPgEvents({ pool, failure: storeFailure });
  const getUsage = createGetUsage({ store: policyStore, ledger, clock });
  const planes = { dataPlane, events, clock, getUsage };
  return { pool, metrics, access, policyStore, ...planes, secrets, expireHolds };
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
  const migrations = await migrate(url);
  if (migrations.length > 0) log.info({ migrations }, 'schema brought up to date');
  return url;
}

/** Asks the database for its time, so that already the first call is counted in the windows of now. */
async function learnTime(pool: Pool, clock: FollowingClock): Promise<void> {
  const sentMs = performance.now();
  const { rows } = await pool.query<{ now: number }>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  );
  const receivedMs = performance.now();
  for (const { now } of rows) clock.read({ databaseNowMs: now, sentMs, receivedMs });
}

function openPolicies(
  settings: Settings,
  parts: { pool: Pool; url: string; log: Log },
  undo: UndoList,
): CachedPolicies {
  const { pool, url, log } = parts;
  const policies = createCachedPolicies({ pool });
  undo.add(() => policies.close());
  if (!settings.policyWatch) return policies;
  const watch = startPolicyWatch({
    url,
    onNotice: (notice) => policies.noticed(notice),
    onLost: (err) => log.warn({ err }, 'policy notices lost; Checks read changes themselves'),
  });
  undo.add(() => watch.close());
  return policies;
}

/** Access has connections of its own: a look-up must not wait behind an administrator's long reading. */
function openAccess(settings: Settings, url: string, log: Log, undo: UndoList): Access {
  const pool = createPool({
    url,
    applicationName: 'tollgate access',
    maxConnections: maxAccessQueries,
    statementTimeoutMs: settings.statementTimeoutMs,
    poolWaitMs: settings.poolWaitMs,
    onIdleError: (err) => log.warn({ err }, 'database connection lost'),
  });
  undo.add(() => pool.end());
  const access = createPgAccess({ pool });
  undo.add(async () => access.close());
  return access;
}

function openLedger(
  settings: Settings,
  parts: { pool: Pool; url: string; clock: FollowingClock; metrics: LedgerMetrics },
  undo: UndoList,
): Ledger {
  const { pool, url, clock, metrics } = parts;
  const ledger = createPgLedger({
    pool,
    connect: () =>
      connectLane({
        connectionString: url,
        statementTimeoutMs: settings.statementTimeoutMs,
        connectTimeoutMs: settings.poolWaitMs,
      }),
    clock,
    lanes: settings.lanes,
    maxBatch: settings.maxBatch,
    maxQueue: settings.maxQueue,
    // Half of the pool, so that Explains never keep look-ups out of it.
    explainsAtOnce: Math.max(1, Math.floor(settings.poolSize / 2)),
    perOrganization: settings.batch === 'per-org',
    durableHolds: settings.durableHolds,
    maxRememberedCalls: settings.rememberedCalls,
    isRetryable: (cause) => faultOf(cause).retryable,
    isPoison,
    failure: storeFailure,
    monotonicMs: () => performance.now(),
    onBatch: (size, seconds, way) => metrics.batch(size, seconds, way),
    onRefused: () => metrics.refused(),
  });
  undo.add(() => ledger.close());
  return ledger;
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
