import type { Client, ClientBase } from 'pg';
import { LocalFault } from '../../db/wire/local-fault.ts';
import { fly } from '../../db/wire/flight.ts';
import type { FlightRows, FlightStatement } from '../../db/wire/flight.ts';
import { createLaneConnection } from '../lane/connection.ts';
import type { LaneConnectionParts } from '../lane/connection.ts';
import { ofOneOrganization, prepareLane, prepareStatements } from '../lane/statements.ts';
import { isRefusedByServer } from '../../db/wire/server-refusal.ts';
import { closeHolds, recordEndedHolds, tellEndedHolds } from '../sql/end-holds.ts';
import { endingFirst } from '../sql/end-holds-first.ts';
import { listOrganizations } from '../sql/list-organizations.ts';
import {
  hasOverdueHolds,
  overdueHolds,
  overdueOrganizations,
  sweepNow,
} from '../sql/overdue-holds.ts';
import { leaveSweepLease, takeSweepLease } from '../sql/sweep-lease.ts';

/** The connection of the sweep, apart from the lanes: for one thing at a time. */
export interface SweepConnection {
  /** Runs work after all earlier work is done. A connection that fails is replaced for the next work. */
  alone<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
  /** The rows of statements that travel together. */
  rows(...statements: readonly FlightStatement[]): Promise<readonly FlightRows[]>;
  close(): Promise<void>;
}

/** What the connection is made of. */
export interface SweepConnectionOptions extends Pick<
  LaneConnectionParts,
  'streamOf' | 'silenceMs'
> {
  /** Opens a pipelined connection and has it prepared; it is closed again if that fails. */
  readonly connect: (prepare: (client: Client) => Promise<void>) => Promise<Client>;
  readonly perOrganization: boolean;
}

/**
 * If the wait for a lock takes longer than this, the organization is left to a later pass. Where a transaction
 * locks several organizations, calls of the others wait for it meanwhile.
 */
export const lockTimeoutMs = 500;

/** Opens the connection when it is first needed. */
export function createSweepConnection(options: SweepConnectionOptions): SweepConnection {
  const connection = createLaneConnection({
    ...options,
    connect: () => options.connect((client) => prepareSweep(client, options.perOrganization)),
  });
  let last: Promise<unknown> = Promise.resolve();

  async function use<Result>(
    client: Client,
    work: (client: Client) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work(client);
    } catch (cause) {
      if (!(cause instanceof LocalFault) && !isRefusedByServer(cause)) connection.drop(client);
      throw cause;
    }
  }

  function alone<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const result = last.then(() => connection.use((client) => use(client, work)));
    last = result.catch(() => undefined);
    return result;
  }

  return {
    alone,
    rows: (...statements) => alone((client) => fly(client, statements)),
    close: () => connection.close(),
  };
}

/** The statements that end holds, beside those of a lane. */
const endings = [closeHolds, recordEndedHolds, tellEndedHolds];

async function prepareSweep(client: ClientBase, perOrganization: boolean): Promise<void> {
  await prepareLane(client, { perOrganization, lockTimeoutMs });
  // Nobody waits for the end of a hold. A crash undoes it as a whole, and it is ended again; so the rows of an
  // organization are not locked while the disk is waited for.
  await client.query('SET synchronous_commit = off');
  const statements = [
    ...(perOrganization ? [listOrganizations, hasOverdueHolds] : [overdueOrganizations]),
    overdueHolds,
    sweepNow,
    takeSweepLease,
    leaveSweepLease,
    ...(perOrganization ? endings.map(ofOneOrganization) : [...endings, ...endingFirst]),
  ];
  await prepareStatements(client, statements);
}
