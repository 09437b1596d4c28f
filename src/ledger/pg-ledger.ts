import type { Client, Pool } from 'pg';
import type { FollowingClock } from '../platform/database-clock.ts';
import { ServiceError } from '../platform/service-error.ts';
import { createBatchRunner } from './lane/batch-runner.ts';
import type { BatchWay } from './lane/batch-runner.ts';
import { createCallMemory } from './calls/call-memory.ts';
import type { CallMemory } from './calls/call-memory.ts';
import { createCallLookup } from './calls/call-lookup.ts';
import { checkOperation } from './operations/check.ts';
import { releaseOperation } from './operations/release.ts';
import { LocalFault } from '../db/wire/local-fault.ts';
import { createExplainer } from './operations/explain.ts';
import { extendOperation } from './operations/extend.ts';
import { createFindLocked } from './lane/find-locked.ts';
import { createLane, overloaded } from './lane/lane.ts';
import type { Lane } from './lane/lane.ts';
import { createLaneConnection } from './lane/connection.ts';
import type { LaneConnection, LaneConnectionParts } from './lane/connection.ts';
import { prepareLane } from './lane/statements.ts';
import type { Ledger } from './ledger.ts';
import { createLimitMemory } from './operations/limit-memory.ts';
import { laneOf } from './lane/lane-of.ts';
import type { Completion, Operation } from './operations/operation.ts';
import { createOrganizationTime } from './lane/organization-time.ts';
import type { OrganizationTime } from './lane/organization-time.ts';
import { unitSums } from './record/unit-sums.ts';
import { createMeterReads } from './meters/meter-reads.ts';
import { reportOperation } from './operations/report.ts';
import { createSubmissions } from './lane/submissions.ts';

/** What the ledger is made of. */
export interface PgLedgerOptions extends Pick<
  LaneConnectionParts,
  'streamOf' | 'silenceMs' | 'probeStore'
> {
  /** For reading beside the lanes. */
  readonly pools: { readonly lookUps: Pool; readonly explain: Pool };
  /** Opens a pipelined connection of a lane and has it prepared; it is closed again if that fails. */
  readonly connect: (prepare: (client: Client) => Promise<void>) => Promise<Client>;
  readonly clock: FollowingClock;
  /** Lanes of this process; an organization always takes the same one. */
  readonly lanes: number;
  /** Operations in one transaction, 1 to 512. */
  readonly maxBatch: number;
  /** Operations accepted per lane and not yet answered. */
  readonly maxQueue: number;
  /** Explains that read at once, of all organizations together. */
  readonly explainsAtOnce: number;
  /** One organization per transaction, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  /** False: batches of Checks alone do not wait until their commit is on disk. */
  readonly durableHolds: boolean;
  /** Calls kept in memory, so that a Report on the same replica needs no look-up. */
  readonly maxRememberedCalls: number;
  /** How long a batch waits for a row that another session has locked, milliseconds. */
  readonly lockTimeoutMs: number;
  readonly isRetryable: (cause: unknown) => boolean;
  /** Whether a statement waited for a lock longer than that. */
  readonly isLocked: (cause: unknown) => boolean;
  /** Whether a statement took longer than its session allows. */
  readonly isStatementTimeout: (cause: unknown) => boolean;
  readonly isPoison: (cause: unknown) => boolean;
  readonly failure: (cause: unknown) => ServiceError;
  /** The monotonic clock of deadlines, milliseconds. */
  readonly monotonicMs: () => number;
  readonly onBatch?: (size: number, seconds: number, way: BatchWay) => void;
  /** Called for each meter of a batch whose sums have reached the largest int64. */
  readonly onSaturated?: (orgId: string, meter: string) => void;
  readonly onFailure?: (cause: unknown, size: number) => void;
  readonly onRefused?: () => void;
  /** Called with an organization when it is found that another session has locked it. */
  readonly onLocked?: (orgId: string) => void;
  /** By how many the organizations that are set aside, because they are locked or may be, have changed. */
  readonly onSetAside?: (change: number) => void;
}

/** The ledger over PostgreSQL; see `ledger.ts` for what it promises. */
export function createPgLedger(options: PgLedgerOptions): Ledger {
  const { pools, clock, monotonicMs, failure } = options;
  const remembered = createCallMemory(options.maxRememberedCalls);
  const time = createOrganizationTime(clock);
  const limitMemory = createLimitMemory();
  const nextSubmission = createSubmissions();
  const lanes = Array.from({ length: options.lanes }, () => startLane(options, remembered, time));

  let isClosed = false;

  function submit(operation: Operation): void {
    if (isClosed) return operation.reject(stopping());
    lanes[laneOf(operation.orgId, lanes.length)]?.lane.submit(operation);
  }

  function answered<Answer>(make: (completion: Completion<Answer>) => Operation): Promise<Answer> {
    return new Promise((resolve, reject) =>
      submit(make({ submission: nextSubmission(), resolve, reject })),
    );
  }

  return {
    check: (call) =>
      answered((completion) =>
        checkOperation(call, () => time.nowMs(call.orgId), completion, limitMemory),
      ),
    report: (call) =>
      answered((completion) => reportOperation(call, () => time.nowMs(call.orgId), completion)),
    release: (call) => answered((completion) => releaseOperation(call, completion)),
    extend: (call) =>
      answered((completion) => extendOperation(call, () => time.nowMs(call.orgId), completion)),
    ...createExplainer({
      pool: pools.explain,
      mostAtOnce: options.explainsAtOnce,
      timeOf: (orgId) => time.nowMs(orgId),
      monotonicMs,
      overloaded,
      failure,
    }),
    ...createMeterReads({ pool: pools.explain, monotonicMs, failure }),
    unitsSince: (orgId, meter, startMs) => unitSums(pools.explain, orgId, meter, startMs),
    async close() {
      isClosed = true;
      await Promise.all(lanes.map(({ lane }) => lane.drained()));
      await Promise.all(lanes.flatMap(({ connections }) => connections.map((one) => one.close())));
    },
  };
}

function stopping(): ServiceError {
  const message = 'this server is stopping: use another one';
  return new ServiceError('SERVER_STOPPING', message, { retryAfterMs: 0 });
}

interface RunningLane {
  readonly lane: Lane;
  readonly connections: readonly LaneConnection[];
}

function startLane(
  options: PgLedgerOptions,
  remembered: CallMemory,
  time: OrganizationTime,
): RunningLane {
  const session = {
    perOrganization: options.perOrganization,
    lockTimeoutMs: options.lockTimeoutMs,
  };
  const createConnection = (): LaneConnection =>
    createLaneConnection({
      connect: () => options.connect((client) => prepareLane(client, session)),
      streamOf: options.streamOf,
      silenceMs: options.silenceMs,
      probeStore: options.probeStore,
    });
  const connection = createConnection();
  // Opened when it is needed for the first time.
  const ofLocked = createConnection();
  const runner = { ...options, remembered, time };
  const lookUp = createCallLookup({
    pool: options.pools.lookUps,
    perOrganization: options.perOrganization,
    most: options.maxQueue,
    full: overloaded,
  });
  return {
    connections: [connection, ofLocked],
    lane: createLane({
      maxBatch: options.maxBatch,
      maxQueue: options.maxQueue,
      perOrganization: options.perOrganization,
      isRetryable: options.isRetryable,
      isLocked: options.isLocked,
      isStatementTimeout: options.isStatementTimeout,
      isPoison: (cause) => cause instanceof LocalFault || options.isPoison(cause),
      failure: (cause) => (cause instanceof LocalFault ? cause.cause : options.failure(cause)),
      now: options.monotonicMs,
      onRefused: () => options.onRefused?.(),
      onLocked: (orgId) => options.onLocked?.(orgId),
      onSetAside: (change) => options.onSetAside?.(change),
      find({ orgId, requestId, needsCall }) {
        if (needsCall) return remembered.get(orgId, requestId) ?? lookUp(orgId, requestId);
        // A Check of a call that was here before is a repeat: it is answered from its row, without a lock.
        return remembered.has(orgId, requestId) ? lookUp(orgId, requestId) : undefined;
      },
      runBatch: createBatchRunner({ ...runner, connection }),
      runLockedBatch: createBatchRunner({ ...runner, connection: ofLocked }),
      findLocked: createFindLocked(options.pools.lookUps, options),
      lockTimeoutMs: options.lockTimeoutMs,
    }),
  };
}
