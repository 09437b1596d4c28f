import { Client } from 'pg';

/** How a lane's connection is opened. */
export interface LaneClientOptions {
  readonly connectionString: string;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** Opens a pipelined connection: several statements travel in one flight. Its errors are listened to by the lane. */
export async function connectLane(options: LaneClientOptions): Promise<Client> {
  const client = new Client({
    connectionString: options.connectionString,
    application_name: 'tollgate-lane',
    statement_timeout: options.statementTimeoutMs,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    pipeline: true,
  });
  await client.connect();
  return client;
}
