import type { ClientBase } from 'pg';
import type { FollowingClock } from '../../platform/database-clock.ts';
import { runBatch } from '../decide-first/decide-first.ts';
import { createEventWriter } from '../events/event-writer.ts';
import type { Planned } from '../lane/planned.ts';
import { createOrganizationTime } from '../lane/organization-time.ts';
import { overdueHold, overdueHolds, overdueOrganizations, sweepNow } from '../sql/overdue-holds.ts';
import { transactionSettings } from '../sql/transaction-settings.ts';
import type { CallRow } from '../sql/read-state.ts';
import { GuardFailed } from '../write-first/guard-failed.ts';
import { leaveSweepLease, takeSweepLease } from '../sql/sweep-lease.ts';
import type { SweepBatch } from './batch.ts';
import { createSweepConnection, lockTimeoutMs } from './connection.ts';
import type { SweepConnection, SweepConnectionOptions } from './connection.ts';
import { createDueOrganizations } from './due-organizations.ts';
import type { DueOrganizations } from './due-organizations.ts';
import { endFirst } from './end-first.ts';
import type { SweepTurn } from './turns.ts';

/** What the sweep asks of the database. */
export interface SweepStore {
  /** Whether the lease is the holder's now, for some seconds. */
  takeLease(holder: string): Promise<boolean>;
  leaveLease(holder: string): Promise<void>;
  /** The time that holds are compared with, ms. */
  now(): Promise<number>;
  /**
   * Organizations with holds that are due, those after an id. Without `nowMs` the database's time counts. Where they are
   * asked one by one, the search breaks off as soon as it may not go on.
   */
  organizations(
    afterOrgId: string,
    most: number,
    limits?: { readonly nowMs?: number; readonly mayGoOn?: () => boolean },
  ): Promise<DueOrganizations>;
  /** The next holds of each turn that are due, at most `most` of each. */
  holds(
    turns: readonly SweepTurn[],
    most: (turn: SweepTurn) => number,
    nowMs?: number,
  ): Promise<readonly (readonly CallRow[])[]>;
  /** Runs one batch, as a lane does. */
  run(batch: readonly Planned[]): Promise<SweepBatch>;
  close(): Promise<void>;
}

/** What the store of the sweep is made of. */
export interface SweepStoreOptions extends SweepConnectionOptions {
  readonly clock: FollowingClock;
  readonly monotonicMs: () => number;
}

/** A replica that does not keep its lease for so long has lost it. */
export const leaseMs = 3000;

/** The store of the sweep, on a connection of its own. */
export function createSweepStore(options: SweepStoreOptions): SweepStore {
  const { clock } = options;
  const connection = createSweepConnection(options);
  const dueOneByOne = createDueOrganizations(connection);
  /** Null: the statement reads the database's clock. A clock that is moved by hand takes its place. */
  const timeOf = (nowMs?: number): string | null => {
    if (nowMs !== undefined) return `${nowMs}`;
    return clock.isDatabase ? null : `${clock.nowMs()}`;
  };
  return {
    async takeLease(holder) {
      const values = [holder, `${leaseMs}`];
      const [rows = []] = await connection.rows({ ...takeSweepLease, values });
      return rows.length > 0;
    },
    async leaveLease(holder) {
      await connection.rows({ ...leaveSweepLease, values: [holder] });
    },
    async now() {
      const [rows = []] = await connection.rows({ ...sweepNow, values: [timeOf()] });
      return Number(rows[0]?.[0]);
    },
    async organizations(afterOrgId, most, { nowMs, mayGoOn = () => true } = {}) {
      if (options.perOrganization) return dueOneByOne(afterOrgId, most, timeOf(nowMs), mayGoOn);
      const values = [afterOrgId, `${most}`, timeOf(nowMs)];
      const [rows = []] = await connection.rows({ ...overdueOrganizations, values });
      const due = rows.map(([orgId]) => orgId ?? '');
      return { due, goOnAfter: due.length < most ? undefined : due.at(-1) };
    },
    async holds(turns, most, nowMs) {
      const at = timeOf(nowMs);
      const statements = turns.map((turn) => {
        const { expiresAtMs, requestId } = turn.after;
        const values = [turn.orgId, `${expiresAtMs}`, requestId, `${most(turn)}`, at];
        return { ...overdueHolds, values };
      });
      const found = await connection.rows(...statements);
      return found.map((rows) => rows.map(overdueHold));
    },
    run: batchRunner(connection, options),
    close: () => connection.close(),
  };
}

function batchRunner(
  connection: SweepConnection,
  { clock, monotonicMs, perOrganization }: SweepStoreOptions,
): SweepStore['run'] {
  const events = createEventWriter();
  const settings = transactionSettings(perOrganization, lockTimeoutMs);
  const time = createOrganizationTime(clock);

  async function decideFirst(batch: readonly Planned[], client: ClientBase): Promise<SweepBatch> {
    let lockedMs = monotonicMs();
    const results = await runBatch(batch, {
      client,
      settings,
      events,
      time,
      monotonicMs,
      durableHolds: true,
      onLocked() {
        lockedMs = monotonicMs();
      },
      onSent: () => undefined,
      // A late Report looks its call up; the memory of a replica is for calls that are not over.
      remember: () => undefined,
    });
    return { results, workMs: monotonicMs() - lockedMs };
  }

  async function run(batch: readonly Planned[], client: ClientBase): Promise<SweepBatch> {
    // A distributed PostgreSQL refuses a statement that writes several tables.
    if (perOrganization) return decideFirst(batch, client);
    try {
      const ended = await endFirst(batch, { client, clock, time, monotonicMs });
      if (ended !== undefined) return ended;
    } catch (cause) {
      if (!(cause instanceof GuardFailed)) throw cause;
    }
    return decideFirst(batch, client);
  }

  return (batch) => connection.alone((client) => run(batch, client));
}
