import { availableParallelism } from 'node:os';
import type { Pool } from 'pg';
import { cpuSeconds } from './cpu-time.ts';
import type { LoadOrder, LoadResult } from './load/order.ts';
import { runLoad } from './processes.ts';
import type { Serving } from './processes.ts';

/** The processes that a load keeps busy. */
export interface Measured {
  readonly server: Serving;
  /** Absent for a server without one. */
  readonly database?: { readonly pool: Pool; readonly pid: number };
}

/** What a load achieved and what it cost; a pair of Check and Report is one call. */
export interface Figure extends LoadResult {
  /** CPU microseconds for each call. */
  readonly cpuUs: {
    readonly server: number;
    readonly database: number;
    readonly generator: number;
  };
  /** Bytes of write-ahead log for each call, those of the server's jobs included. */
  readonly walBytes: number;
  /** Database transactions for each call; its own count lags by up to a second, at both ends. */
  readonly transactions: number;
  /** How much of the CPU time of all cores the load generator took. */
  readonly generatorShare: number;
}

interface Reading {
  readonly server: number;
  readonly database: number;
  readonly generator: number;
  readonly walBytes: number;
  readonly transactions: number;
}

/** Runs the load generator against a server and reads what all processes took meanwhile. */
export async function measure(
  { server, database }: Measured,
  order: Omit<LoadOrder, 'port'>,
): Promise<Figure> {
  const readings: Reading[] = [];
  async function read(generatorPid: number): Promise<void> {
    // CPU first: asking the database takes time.
    const cpu = {
      server: cpuSeconds(server.pid),
      database: database === undefined ? 0 : cpuSeconds(database.pid),
      generator: cpuSeconds(generatorPid),
    };
    readings.push({ ...cpu, ...(await countersOf(database?.pool)) });
  }
  const result = await runLoad(
    { ...order, port: server.port },
    { measuring: read, measured: read },
  );
  const [before, after] = readings;
  if (before === undefined || after === undefined) throw new Error('the load was not measured');
  const perCall = (what: keyof Reading): number => (after[what] - before[what]) / result.answered;
  const us = (what: keyof Reading): number => Math.round(perCall(what) * 10_000_000) / 10;
  return {
    ...result,
    cpuUs: { server: us('server'), database: us('database'), generator: us('generator') },
    walBytes: Math.round(perCall('walBytes')),
    transactions: Math.round(perCall('transactions') * 1000) / 1000,
    generatorShare:
      (after.generator - before.generator) / (result.seconds * availableParallelism()),
  };
}

async function countersOf(pool: Pool | undefined) {
  if (pool === undefined) return { walBytes: 0, transactions: 0 };
  const { rows } = await pool.query<{ wal: string; transactions: string }>(
    `SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS wal, xact_commit + xact_rollback AS transactions
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  return { walBytes: Number(rows[0]?.wal), transactions: Number(rows[0]?.transactions) };
}

/** The largest share of the machine that the load generator may take where rates are compared. */
const maxGeneratorShare = 1 / 3;

/**
 * The rate of one load as a part of another's, to a thousandth. Undefined if the load generator took more than a third
 * of the machine in either: then it may be its own speed that is compared.
 */
export function ratioOf(figure: Figure, calibration: Figure): number | undefined {
  const share = Math.max(figure.generatorShare, calibration.generatorShare);
  if (share > maxGeneratorShare) return undefined;
  return Math.round((figure.perSecond / calibration.perSecond) * 1000) / 1000;
}
