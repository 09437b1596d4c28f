import type { Client } from 'pg';
import { planCheck } from '../../src/core/plan-check.ts';
import {
  faultOf,
  isLockTimeout,
  isPoison,
  isStatementTimeout,
  storeFailure,
} from '../../src/db/errors.ts';
import { handMovedClock } from '../../src/platform/database-clock.ts';
import type { FollowingClock } from '../../src/platform/database-clock.ts';
import { connectLane } from '../../src/db/lane-client.ts';
import { streamOf } from '../../src/db/open-client.ts';
import type { CheckAnswer, Ledger } from '../../src/ledger/ledger.ts';
import { createPgLedger } from '../../src/ledger/pg-ledger.ts';
import type { BatchWay } from '../../src/ledger/lane/batch-runner.ts';
import type { TestDatabase } from './database.ts';
import { anyChange, plainOrganization, policyStoreOf } from './organization.ts';
import { rewriting } from './rewriting.ts';
import { callOf, viewOf } from './view.ts';
import type { Said, SaidCall } from './view.ts';

/** A ledger with a clock and memory of its own, as every replica has; and how its batches went. */
export interface Replica {
  readonly ledger: Ledger;
  readonly ways: BatchWay[];
  /** Operations in each of these batches. */
  readonly sizes: number[];
  /** Batches that failed, but for those that were not as expected. */
  readonly failures: { readonly cause: unknown; readonly size: number }[];
  nowMs: number;
}

/**
 * Starts one; close its ledger in the end. `rewrite` changes the statements that its lane prepares, `onOpen` is given
 * each of its connections. With a `clock`, `nowMs` of the replica is not looked at.
 */
export function startReplica(
  database: TestDatabase,
  {
    durableHolds = true,
    perOrganization = false,
    lockTimeoutMs = 20_000,
    statementTimeoutMs = 20_000,
    monotonicMs = (): number => performance.now(),
    rewrite = unchanged,
    onOpen = ignore,
    clock = undefined as FollowingClock | undefined,
  } = {},
): Replica {
  const ways: BatchWay[] = [];
  const sizes: number[] = [];
  const failures: Replica['failures'] = [];
  const replica: Replica = {
    ways,
    sizes,
    failures,
    nowMs: Date.parse('2026-03-10T09:00:00Z'),
    ledger: createPgLedger({
      pools: { lookUps: database.pool, explain: database.pool },
      connect: (prepare) =>
        connectLane(
          {
            connectionString: database.url,
            statementTimeoutMs,
            connectTimeoutMs: 20_000,
          },
          (client) => {
            onOpen(client);
            return prepare(rewriting(client, rewrite));
          },
        ),
      streamOf,
      silenceMs: 20_000,
      clock: clock ?? handMovedClock({ nowMs: () => replica.nowMs }),
      lanes: 1,
      maxBatch: 64,
      maxQueue: 1000,
      explainsAtOnce: 4,
      perOrganization,
      durableHolds,
      maxRememberedCalls: 100,
      lockTimeoutMs,
      isLocked: isLockTimeout,
      isStatementTimeout,
      isRetryable: (cause) => faultOf(cause).retryable,
      isPoison,
      failure: storeFailure,
      monotonicMs,
      onBatch(size, _seconds, way) {
        ways.push(way);
        sizes.push(size);
      },
      onFailure: (cause, size) => failures.push({ cause, size }),
    }),
  };
  return replica;
}

function ignore(_client: Client): void {
  // Nobody asks for it.
}

function unchanged(text: string): string {
  return text;
}

/** An organization that exists, with policies that are said: how to send its Checks to a replica. */
export async function checksOf(database: TestDatabase, orgId: string) {
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
  const { rows } = await database.pool.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  const epoch = Number(rows[0]?.epoch);
  return (said: Said) => {
    const view = viewOf(said);
    return (replica: Replica, requestId: string, call: SaidCall): Promise<CheckAnswer> =>
      replica.ledger.check({
        orgId,
        requestId,
        content: {
          user: call.user ?? '',
          input: `${call.input}`,
          output: `${call.output}`,
          cost: `${call.cost}`,
        },
        ttlMs: 60_000,
        plan: (atLeastEpoch, nowMs) => ({
          ...planCheck(view, callOf(call), nowMs),
          epoch: Math.max(epoch, atLeastEpoch),
          priceEpochs: { own: Math.max(epoch, atLeastEpoch), platform: 0 },
        }),
        deadlineMs: undefined,
      });
  };
}
