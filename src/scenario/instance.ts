import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChannelCredentials } from '@grpc/grpc-js';
import { createApp } from '../app.ts';
import { createUnaryClient } from '../client/unary-client.ts';
import type { UnaryClient } from '../client/unary-client.ts';
import { readSettings } from '../config.ts';
import { createAdminClient } from './admin-client.ts';
import type { AdminClient } from './admin-client.ts';

/** A throw-away Tollgate with a hand-moved clock, and clients of its two planes. */
export interface Instance {
  readonly data: UnaryClient;
  readonly admin: AdminClient;
  readonly clock: { nowMs: number };
  close(): Promise<void>;
}

/** Starts an instance, on an embedded PostgreSQL of its own or on an empty database that is named. */
export async function startInstance(databaseUrl: string | undefined): Promise<Instance> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-scenarios-'));
  const clock = { nowMs: 0 };
  const settings = readSettings({
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    TOLLGATE_FOLDER: folder,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_EXAMPLE: 'false',
    TOLLGATE_EXPIRY_INTERVAL: '0s',
    TOLLGATE_DRAIN_WAIT: '0s',
    TOLLGATE_LOG_LEVEL: 'silent',
  });
  const app = await createApp(settings, { clock: { nowMs: () => clock.nowMs } });
  if (app.secrets === undefined) {
    await app.close();
    throw new Error('the database is in use: scenarios need an empty one');
  }
  const data = createUnaryClient({
    address: `127.0.0.1:${app.dataPort}`,
    credentials: ChannelCredentials.createInsecure(),
    token: app.secrets.gateway,
  });
  return {
    data,
    admin: createAdminClient(`http://127.0.0.1:${app.adminPort}`, app.secrets.admin),
    clock,
    async close() {
      data.close();
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
