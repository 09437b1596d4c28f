import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { killTree } from './kill-tree.ts';
import { claimFolder } from './folder-claim.ts';
import { postgresAccount, spawnable } from './postgres-account.ts';
import type { PostgresAccount } from './postgres-account.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';

/** A PostgreSQL that runs while we do. */
export interface EmbeddedPostgres {
  /** Of a superuser, on loopback. */
  readonly url: string;
  /** Ends its sessions, lets it write what it has, and waits until it is gone. */
  stop(): Promise<void>;
}

/** Where an embedded PostgreSQL lives and how it runs. */
export interface EmbeddedSettings {
  /** Made if absent; keeps data and password between starts. */
  readonly folder: string;
  /** Server settings, such as `fsync: 'off'` for tests. */
  readonly serverSettings?: Readonly<Record<string, string>>;
  /** Called with each line that the server writes. */
  readonly onLine?: (line: string) => void;
}

interface Cluster {
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  readonly folder: string;
  readonly data: string;
  readonly password: string;
}

const startAttempts = 3;
const stopTimeoutMs = 15_000;

/**
 * Starts the bundled PostgreSQL in a folder, on a free loopback port. The first start creates it, with a
 * random password kept there (mode 600); a second start of a folder in use is refused.
 */
export async function startEmbeddedPostgres(settings: EmbeddedSettings): Promise<EmbeddedPostgres> {
  const binaries = await postgresBinaries();
  const folder = resolve(settings.folder);
  mkdirSync(folder, { recursive: true });
  const account = postgresAccount(binaries.postgres, folder);
  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(folder, account.uid, account.gid);
  }
  chmodSync(folder, 0o700);
  const release = claimFolder(folder);
  try {
    const data = join(folder, 'data');
    const password = readPassword(folder, account);
    const cluster: Cluster = { binaries, account, folder, data, password };
    if (existsSync(join(data, 'PG_VERSION'))) await stopOrphan(cluster);
    else createCluster(cluster);
    return await startServer(cluster, settings, release);
  } catch (cause) {
    release();
    throw cause;
  }
}

function readPassword(folder: string, account: PostgresAccount): string {
  const path = join(folder, 'password');
  if (!existsSync(path)) {
    writeFileSync(path, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  }
  chmodSync(path, 0o600);
  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(path, account.uid, account.gid);
  }
  return readFileSync(path, 'utf8').trim();
}

function createCluster(cluster: Cluster): void {
  const { status, stderr } = runProgram(cluster, [
    cluster.binaries.initdb,
    `--pgdata=${cluster.data}`,
    '--username=postgres',
    `--pwfile=${join(cluster.folder, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--no-instructions',
  ]);
  if (status !== 0) throw new Error(`PostgreSQL could not be set up in ${cluster.data}: ${stderr}`);
}

/**
 * Ends the server that a killed Tollgate left running: we hold the folder, so nobody else needs it. One that is
 * frozen is waited for, a minute at most; signals are answered meanwhile.
 */
async function stopOrphan(cluster: Cluster): Promise<void> {
  if (!existsSync(join(cluster.data, 'postmaster.pid'))) return;
  const command = [cluster.binaries.pgCtl, 'stop', '-D', cluster.data, '-m', 'fast', '-w'];
  const { file, args, as } = spawnable(cluster.account, command);
  const { promise: ended, resolve: settle } = Promise.withResolvers<void>();
  const program = spawn(file, args, { ...as, cwd: cluster.folder, stdio: 'ignore' });
  // A failure means that none is running; if one is, the server's own lock reports it at start.
  program.once('error', () => settle());
  program.once('exit', () => settle());
  await ended;
}

function runProgram(
  cluster: Cluster,
  command: readonly string[],
): { readonly status: number | null; readonly stderr: string } {
  const { file, args, as } = spawnable(cluster.account, command);
  const done = spawnSync(file, args, { ...as, cwd: cluster.folder, encoding: 'utf8' });
  return { status: done.status, stderr: done.error?.message ?? done.stderr };
}

async function startServer(
  cluster: Cluster,
  settings: EmbeddedSettings,
  release: () => void,
): Promise<EmbeddedPostgres> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const server = spawnServer(cluster, settings, port);
    const exitHandler = keepNoServerBehind(server);
    const failure = await untilReady(server, settings.onLine);
    if (failure === undefined) {
      const url = `postgres://postgres:${cluster.password}@127.0.0.1:${port}/postgres`;
      return { url, stop: stopper(server, exitHandler, release) };
    }
    exitHandler.end();
    const portTaken = /could not bind|Address already in use/.test(failure);
    if (!portTaken || attempt === startAttempts) {
      throw new Error(`PostgreSQL did not start in ${cluster.data}: ${failure}`);
    }
  }
}

function spawnServer(cluster: Cluster, settings: EmbeddedSettings, port: number): ChildProcess {
  const options: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    log_timezone: 'UTC',
    timezone: 'UTC',
    // Else the commit that begins a new WAL file waits until 16 MiB of zeros are on disk.
    wal_init_zero: 'off',
    ...settings.serverSettings,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [cluster.binaries.postgres, '-D', cluster.data, '-p', String(port), ...flags];
  const { file, args, as } = spawnable(cluster.account, command);
  // Detached: a Ctrl-C in the terminal is ours to answer; the server must outlive our draining.
  return spawn(file, args, {
    ...as,
    cwd: cluster.folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Waits until the server answers; what it said instead, if it ended. */
function untilReady(
  server: ChildProcess,
  onLine: ((line: string) => void) | undefined,
): Promise<string | undefined> {
  const { promise, resolve: settle } = Promise.withResolvers<string | undefined>();
  const said: string[] = [];
  let rest = '';
  server.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      onLine?.(line);
      if (said.length < 50) said.push(line);
      if (line.includes('ready to accept connections')) settle(undefined);
    }
  });
  server.once('error', (error) => settle(error.message));
  server.once('close', () => settle([...said, rest].join('\n')));
  return promise;
}

/**
 * If this process ends without stopping the server (its time is up, it is stopped while it starts, or something was
 * not caught), the server must not stay behind. It may be frozen, so that only SIGKILL is left; the next start
 * recovers what was committed.
 */
function keepNoServerBehind(server: ChildProcess): { end(): void } {
  const kill = (): void => killTree(server);
  process.once('exit', kill);
  server.once('exit', () => process.off('exit', kill));
  return { end: () => void process.off('exit', kill) };
}

function stopper(
  server: ChildProcess,
  exitHandler: { end(): void },
  release: () => void,
): () => Promise<void> {
  const gone = new Promise<void>((done) => server.once('exit', () => done()));
  process.once('exit', release);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const running = server.exitCode === null && server.signalCode === null;
    if (running) {
      server.kill('SIGINT');
      const timer = setTimeout(() => server.kill('SIGQUIT'), stopTimeoutMs);
      await gone;
      clearTimeout(timer);
    }
    exitHandler.end();
    process.off('exit', release);
    release();
  };
  return () => (stopping ??= stop());
}

function freePort(): Promise<number> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once('error', reject);
  probe.listen(0, '127.0.0.1', () => {
    const address = probe.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    probe.close(() => settle(port));
  });
  return promise;
}
