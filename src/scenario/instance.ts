import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChannelCredentials } from '@grpc/grpc-js';
import { createApp } from '../app.ts';
import { createUnaryClient } from '../client/unary-client.ts';
import type { UnaryClient } from '../client/unary-client.ts';
import { readSettings } from '../config.ts';
import { startEmbeddedPostgres } from '../db/embedded.ts';
import { createScratchDatabase } from '../db/scratch-database.ts';
import { createUndoList } from '../platform/undo.ts';
import type { UndoList } from '../platform/undo.ts';
import { createAdminClient } from './admin-client.ts';
import type { AdminClient } from './admin-client.ts';

/** A throw-away Tollgate with a hand-moved clock, and clients of its two planes. */
export interface Instance {
  readonly data: UnaryClient;
  readonly admin: AdminClient;
  readonly clock: { nowMs: number };
  /** 1 for the first scenario of this instance, then one more each time. */
  nextNumber(): number;
  /** A new instance like this one, with a database of its own on the same server; close it before this one. */
  another(): Promise<Instance>;
  close(): Promise<void>;
}

/** What an instance differs in from the usual one. */
export interface InstanceOptions {
  /** Settings of its own, as environment variables. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Its database has the extension Citus, and distributed tables; needs a `databaseUrl`. */
  readonly citus?: boolean;
}

/**
 * Starts an instance, on an embedded PostgreSQL of its own or in a database that is made, and dropped at the
 * end, on the server of `databaseUrl`. Fails whole or not at all.
 */
export async function startInstance(
  databaseUrl: string | undefined,
  options: InstanceOptions = {},
): Promise<Instance> {
  const undo = createUndoList();
  try {
    return await start(databaseUrl, options, undo);
  } catch (cause) {
    await undo.run().catch(() => {
      // The first failure is the one to report; the others follow from it.
    });
    throw cause;
  }
}

async function start(
  databaseUrl: string | undefined,
  options: InstanceOptions,
  undo: UndoList,
): Promise<Instance> {
  const { settings: more = {}, citus = false } = options;
  const server = databaseUrl ?? (await startServer(undo));
  const scratch = await createScratchDatabase(server, citus);
  undo.add(() => scratch.drop());
  const settings = readSettings({
    DATABASE_URL: scratch.url,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_EXAMPLE: 'false',
    TOLLGATE_EXPIRY_INTERVAL: '0s',
    TOLLGATE_DRAIN_WAIT: '0s',
    TOLLGATE_LOG_LEVEL: 'silent',
    ...more,
  });
  const clock = { nowMs: 0 };
  const app = await createApp(settings, { clock: { nowMs: () => clock.nowMs } });
  undo.add(() => app.close());
  if (app.secrets === undefined) throw new Error('a new database is in use already');
  const data = createUnaryClient({
    address: `127.0.0.1:${app.dataPort}`,
    credentials: ChannelCredentials.createInsecure(),
    token: app.secrets.gateway,
  });
  undo.add(() => data.close());
  const admin = createAdminClient(`http://127.0.0.1:${app.adminPort}`, app.secrets.admin);
  let last = 0;
  return {
    data,
    admin,
    clock,
    nextNumber: () => (last += 1),
    another: () => startInstance(server, options),
    close: () => undo.run(),
  };
}

/** An embedded PostgreSQL in a folder of its own, until it is undone. */
async function startServer(undo: UndoList): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-scenarios-'));
  undo.add(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startEmbeddedPostgres({ folder });
  undo.add(() => server.stop());
  return server.url;
}
