import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** An empty database beside others on somebody's server. */
export interface ScratchDatabase {
  readonly url: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Creates an empty database on the server of `url`, whose own database is not touched; needs CREATEDB. */
export async function createScratchDatabase(url: string): Promise<ScratchDatabase> {
  const name = `tollgate_scratch_${randomBytes(8).toString('hex')}`;
  await execute(url, `CREATE DATABASE ${name}`);
  const scratch = new URL(url);
  scratch.pathname = `/${name}`;
  return {
    url: scratch.href,
    drop: () => execute(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'tollgate scratch' });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
