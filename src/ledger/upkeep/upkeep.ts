import type { ClientBase, Pool } from 'pg';
import { createPace } from '../../platform/pace.ts';
import type { PaceOptions } from '../../platform/pace.ts';
import { boundsOf, dayOf } from '../record/recorded-day.ts';
import { partitionName } from '../sql/daily-partitions.ts';
import { waitingIn } from './waiting-search.ts';
import {
  addPartition,
  boundLockWait,
  forgetRest,
  listPartitions,
  restHolds,
  tryPartitionLock,
  withoutQuarters,
} from '../sql/upkeep.ts';
import type { Partitioned } from '../sql/upkeep.ts';
import { forgetCalls, forgetThresholds } from '../sql/retention.ts';
import { inScope } from '../sql/upkeep-statement.ts';
import type { UpkeepStatement } from '../sql/upkeep-statement.ts';
import { createOrganizationList, organizationsIn } from './organization-list.ts';
import type { Transact } from './transact.ts';

/** How long things are kept. */
export interface Retention {
  /** Usage rows in full, in days; at least 40, so that every MONTH lies inside. */
  readonly usageDays: number;
  readonly eventDays: number;
  /** How long a request id names its call, in hours; at least 24. */
  readonly requestIdHours: number;
}

/** What one round did. */
export interface UpkeepRound {
  /** Partitions past their retention. */
  readonly dropped: number;
  /** Calls past the idempotency horizon. */
  readonly forgotten: number;
}

/** What the upkeep is made of. */
export interface UpkeepOptions extends PaceOptions {
  readonly pool: Pool;
  readonly transact: Transact;
  readonly nowMs: () => number;
  readonly retention: Retention;
  /** One organization per statement, for a distributed PostgreSQL. */
  readonly perOrganization?: boolean;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const daysAhead = 7;
/** Sums by quarter of an hour are kept so long; those by day stay. */
const quarterDays = 90;

/**
 * Keeps the ledger's tables in shape: makes partitions ahead, and removes what is past its retention; of
 * usage only what was rolled up. Every step may be repeated or interrupted; several replicas may run it at
 * once. A step that fails does not keep the others from being done; the first failure is thrown at the end.
 */
export function createUpkeep(options: UpkeepOptions) {
  const { nowMs, retention, perOrganization = false } = options;
  const organizations = createOrganizationList(() => organizationsIn(options.pool));
  return async function upkeep(signal = new AbortController().signal): Promise<UpkeepRound> {
    const now = nowMs();
    const failures: unknown[] = [];
    const step = async (work: () => Promise<number>): Promise<number> => {
      if (signal.aborted) return 0;
      return work().catch((cause: unknown) => {
        failures.push(cause);
        return 0;
      });
    };
    /** Does it for all organizations at once, or for one after another. */
    const each = (work: (orgId?: string) => Promise<number>): Promise<number> =>
      step(async () => {
        if (!perOrganization) return work();
        let sum = 0;
        for (const orgId of await organizations()) sum += await step(() => work(orgId));
        return sum;
      });
    const kept = {
      usage: retention.usageDays,
      usage_quarter: quarterDays,
      enforcement_event: retention.eventDays,
    };
    let dropped = 0;
    for (const table of ['usage', 'usage_quarter', 'enforcement_event'] as const) {
      const horizonMs = now - kept[table] * dayMs;
      await step(() => makePartitions(options, table, now));
      const before = new Date(horizonMs).toISOString();
      // First, so that no day is read by quarters of which some are gone; where that fails, all of them stay.
      const failed = failures.length;
      if (table === 'usage_quarter') await each((orgId) => forgetQuarters(options, before, orgId));
      if (failures.length > failed) continue;
      await each((orgId) => removeSome(options, forgetRest(table), { before, signal, orgId }));
      dropped += await step(() => dropBefore(options, table, horizonMs));
    }
    const horizonMs = now - retention.requestIdHours * hourMs;
    const forget = (statement: UpkeepStatement): Promise<number> =>
      each((orgId) => removeSome(options, statement, { before: horizonMs, signal, orgId }));
    const forgotten = await forget(forgetCalls);
    await forget(forgetThresholds);
    if (failures.length > 0) throw failures[0];
    return { dropped, forgotten };
  };
}

/** Says that quarters before an instant may be gone. */
async function forgetQuarters(
  { pool }: UpkeepOptions,
  before: string,
  orgId: string | undefined,
): Promise<number> {
  return (await pool.query(inScope(withoutQuarters, [before], orgId))).rowCount ?? 0;
}

/** Makes the partitions of today and the days ahead; how many. */
function makePartitions(
  options: UpkeepOptions,
  table: Partitioned,
  nowMs: number,
): Promise<number> {
  return alone(options, table, async (client, existing) => {
    let made = 0;
    for (let ahead = 0; ahead <= daysAhead; ahead += 1) {
      const day = dayOf(nowMs + ahead * dayMs);
      if (existing.includes(day)) continue;
      const { start, end } = boundsOf(day);
      if (await restHasSome(options, client, table, [start, end])) continue;
      const { create, attach } = addPartition(table, partitionName(table, day), start, end);
      await client.query(create);
      await client.query(attach);
      made += 1;
    }
    return made;
  });
}

/** Drops whole days before an instant; of usage, only days of which everything was rolled up. */
async function dropBefore(
  options: UpkeepOptions,
  table: Partitioned,
  beforeMs: number,
): Promise<number> {
  const old = (await partitionDays(options.pool, table)).filter(
    (day) => boundsOf(day).endMs <= beforeMs,
  );
  let dropped = 0;
  for (const day of old) {
    dropped += await alone(options, table, async (client, existing) => {
      const name = partitionName(table, day);
      if (!existing.includes(day)) return 0;
      if (table === 'usage' && (await isWaiting(options, client, name, boundsOf(day).endMs))) {
        return 0;
      }
      await client.query(`DROP TABLE ${name}`);
      return 1;
    });
  }
  return dropped;
}

/** A transaction that changes a table's partitions, given their days; 0 if another replica is in one. */
function alone(
  { transact }: UpkeepOptions,
  table: Partitioned,
  work: (client: ClientBase, existing: readonly string[]) => Promise<number>,
): Promise<number> {
  return transact(async (client) => {
    await client.query(boundLockWait.text);
    const { rows } = await client.query<{ ours: boolean }>(tryPartitionLock.text, [table]);
    return rows[0]?.ours === true ? work(client, await partitionDays(client, table)) : 0;
  });
}

async function partitionDays(
  client: ClientBase | Pool,
  table: Partitioned,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ day: string }>(listPartitions.text, [table]);
  return rows.map(({ day }) => day);
}

/** Whom a statement is run for inside a transaction: all of them at once, or one after another. */
function scopesIn(
  { perOrganization = false }: UpkeepOptions,
  client: ClientBase,
): Promise<readonly (string | undefined)[]> {
  return perOrganization ? organizationsIn(client) : Promise.resolve([undefined]);
}

async function restHasSome(
  options: UpkeepOptions,
  client: ClientBase,
  table: Partitioned,
  between: readonly [string, string],
): Promise<boolean> {
  for (const orgId of await scopesIn(options, client)) {
    const { rows } = await client.query(inScope(restHolds(table), between, orgId));
    if (rows.length > 0) return true;
  }
  return false;
}

async function isWaiting(
  options: UpkeepOptions,
  client: ClientBase,
  partition: string,
  beforeMs: number,
): Promise<boolean> {
  for (const orgId of await scopesIn(options, client)) {
    if ((await waitingIn(client, partition, { beforeMs, orgId })).length > 0) return true;
  }
  return false;
}

/** What is removed. */
interface Removing {
  readonly before: number | string;
  readonly signal: AbortSignal;
  readonly orgId: string | undefined;
}

/** Removes what a statement finds, some at a time, until there is no more; how many. */
async function removeSome(
  options: UpkeepOptions,
  statement: UpkeepStatement,
  { before, signal, orgId }: Removing,
): Promise<number> {
  const pace = createPace(signal, options);
  let removed = 0;
  while (!signal.aborted) {
    const { rows, isLast } = await pace(async (mostRows) => {
      const { rowCount } = await options.pool.query(inScope(statement, [before, mostRows], orgId));
      return { rows: rowCount ?? 0, isLast: (rowCount ?? 0) < mostRows };
    });
    removed += rows;
    if (isLast) break;
  }
  return removed;
}
