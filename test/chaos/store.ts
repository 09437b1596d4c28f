import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { signalTree } from './process-tree.ts';

/** A PostgreSQL of the run's own, with everything that can happen to one. */
export interface ChaosStore {
  /** Of a superuser, past the proxies; another one after each start. */
  url(): string;
  port(): number;
  isRunning(): boolean;
  /** SIGSTOP of all its processes: it keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL of all its processes; `start` recovers it. */
  crash(): Promise<void>;
  /** A fast shutdown. */
  shutDown(): Promise<void>;
  start(): Promise<void>;
  /** Whether its data lie on a disk of their own, small enough to be filled. */
  readonly hasOwnDisk: boolean;
  /** Takes all the room that is left on its disk; the write-ahead log lies elsewhere. */
  fillDisk(): void;
  freeDisk(): void;
  /** Ends it for good. */
  stop(): Promise<void>;
}

const MiB = 1024 * 1024;

/**
 * Starts one. With `diskMiB` its data are put on a tmpfs of that size, which only root may mount: where that is
 * refused they lie beside the rest, and `hasOwnDisk` says so.
 */
export async function startChaosStore(folder: string, diskMiB?: number): Promise<ChaosStore> {
  const disk = join(folder, 'disk');
  mkdirSync(disk, { recursive: true });
  const hasOwnDisk = diskMiB !== undefined && mountTmpfs(disk, diskMiB);
  const ballast = join(disk, 'ballast');
  const data = join(disk, 'postgres', 'data');
  const open = () =>
    startEmbeddedPostgres({
      folder: join(disk, 'postgres'),
      // Processes are killed here, never the machine: what the kernel has is not lost. Commits still wait for it.
      serverSettings: { fsync: 'off', max_wal_size: '64MB' },
      onLine: (line) => appendFileSync(join(folder, 'postgres.log'), `${line}\n`),
    });
  let server = await open();
  if (hasOwnDisk) {
    await server.stop();
    moveLog(join(data, 'pg_wal'), join(folder, 'pg_wal'));
    server = await open();
  }
  const pid = (): number | undefined => {
    const file = join(data, 'postmaster.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  };
  const signal = (name: NodeJS.Signals): void => {
    const running = pid();
    if (running !== undefined) signalTree(running, name);
  };
  const isRunning = (): boolean => {
    const running = pid();
    return running !== undefined && existsSync(`/proc/${running}`);
  };
  // Two faults may both restart it: one after the other.
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => (last = last.then(work));
  return {
    url: () => server.url,
    port: () => Number(new URL(server.url).port),
    isRunning,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    crash: () =>
      inTurn(() => {
        signal('SIGKILL');
        return server.stop();
      }),
    shutDown: () =>
      inTurn(() => {
        // A stopped process would not hear it.
        signal('SIGCONT');
        return server.stop();
      }),
    start: () =>
      inTurn(async () => {
        if (isRunning()) return;
        await server.stop();
        server = await open();
      }),
    hasOwnDisk,
    fillDisk() {
      if (!hasOwnDisk) throw new Error('the disk is not ours to fill');
      fill(ballast);
    },
    freeDisk: () => rmSync(ballast, { force: true }),
    async stop() {
      signal('SIGCONT');
      await server.stop();
      if (hasOwnDisk) spawnSync('umount', [disk]);
    },
  };
}

function mountTmpfs(folder: string, sizeMiB: number): boolean {
  const options = `size=${sizeMiB * MiB},mode=755`;
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status === 0;
}

/** A server without room for its write-ahead log stops for good; one without room for tables refuses. */
function moveLog(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
  spawnSync('chown', ['-R', '--reference', from, to]);
  spawnSync('chmod', ['--reference', from, to]);
  rmSync(from, { recursive: true });
  symlinkSync(to, from);
}

function fill(file: string): void {
  for (let size = MiB; size >= 4096;) {
    try {
      appendFileSync(file, Buffer.alloc(size));
    } catch {
      // No room for so much: try less.
      size /= 4;
    }
  }
}
