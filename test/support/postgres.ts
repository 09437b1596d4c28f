import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { executeOn, withDatabase } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a superuser, in a database that is only there to be connected to. */
    readonly postgresUrl: string;
    /** The migrated database that every test file clones. */
    readonly templateDatabase: string;
  }
}

/** One PostgreSQL for the whole run: that of DATABASE_URL, or a throw-away one. Returns how to end it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await serverOf(process.env['DATABASE_URL']);
  const template = `tollgate_template_${process.pid}`;
  await executeOn(server.url, `CREATE DATABASE ${template}`);
  await migrate(withDatabase(server.url, template));
  project.provide('postgresUrl', server.url);
  project.provide('templateDatabase', template);
  return async () => {
    await executeOn(server.url, `DROP DATABASE IF EXISTS ${template}`);
    await server.stop();
  };
}

async function serverOf(
  url: string | undefined,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (url !== undefined) return { url, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-test-'));
  // Safe only here: nothing needs to outlive a crash of the machine.
  const serverSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  const server = await startEmbeddedPostgres({ folder, serverSettings });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
