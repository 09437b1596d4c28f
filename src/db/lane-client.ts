import type { Client } from 'pg';
import { openClient } from './open-client.ts';
import { setSessionLimits } from './session-limits.ts';
import type { SessionLimits } from './session-limits.ts';
import { createStoreSockets } from './store-sockets.ts';
import type { StoreSockets } from './store-sockets.ts';

/** How a lane's connection is opened. */
export interface LaneClientOptions {
  readonly connectionString: string;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly sockets?: Pick<StoreSockets, 'open'>;
  readonly limits?: SessionLimits;
}

/** Opens a pipelined connection and makes it ready. It is closed again if that fails. */
export function connectLane(
  { sockets = createStoreSockets(), limits, ...options }: LaneClientOptions,
  prepare: (client: Client) => Promise<void> = () => Promise.resolve(),
): Promise<Client> {
  return openClient({
    ...options,
    applicationName: 'tollgate-lane',
    sockets,
    pipeline: true,
    prepare: async (client) => {
      if (limits !== undefined) await client.query(setSessionLimits(limits));
      await prepare(client);
    },
  });
}
