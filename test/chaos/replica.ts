import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** Which of the two replicas. */
export type ReplicaIndex = 0 | 1;

/** One `tollgate serve` of the run, through all its lives. */
export interface Replica {
  readonly index: ReplicaIndex;
  /** Of the process that serves now, or served last. */
  readonly pid: number | undefined;
  readonly dataPort: number;
  readonly adminPort: number;
  isAlive(): boolean;
  /** Starts a process, and resolves when it serves; does nothing while one is alive. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** SIGTERM; how long the process took to end, SIGKILLed after `killAfterMs` (then undefined). */
  terminate(killAfterMs: number): Promise<number | undefined>;
  pause(): void;
  resume(): void;
  /** Steps the process's wall clock to so much past the real one. */
  stepClock(offsetMs: number): void;
}

/** What the processes are started with. */
export interface ReplicaParts {
  readonly index: ReplicaIndex;
  readonly folder: string;
  readonly databaseUrl: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Called when the process ends by itself. */
  readonly onDeath: (index: ReplicaIndex, how: string) => void;
}

const program = join(import.meta.dirname, '../../bin/tollgate.js');
const stepClock = pathToFileURL(join(import.meta.dirname, 'step-clock.ts')).href;

interface Life {
  readonly child: ChildProcess;
  /** Resolves when it serves. */
  readonly serving: Promise<void>;
  /** Its end was asked for. */
  isDoomed: boolean;
}

/** A replica that is not started yet. */
export function createReplica(parts: ReplicaParts): Replica {
  const { index, folder } = parts;
  const clockFile = join(folder, `replica-${index}.clock`);
  const log = createWriteStream(join(folder, `replica-${index}.log`), { flags: 'a' });
  writeFileSync(clockFile, '0');
  let life: Life | undefined;
  let ports = { data: 0, admin: 0 };

  const isAlive = (): boolean =>
    life !== undefined && life.child.exitCode === null && life.child.signalCode === null;

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (life === undefined || !isAlive()) return;
    life.isDoomed = true;
    const exit = once(life.child, 'exit');
    life.child.kill(signal);
    await exit;
  }

  function start(): Promise<void> {
    if (life !== undefined && isAlive()) return life.serving;
    const child = spawn(process.execPath, [program, 'serve'], {
      env: { ...process.env, ...environmentOf(parts, clockFile), ...parts.environment },
      // By the channel it learns that this process is gone, and goes too.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('the process has no output');
    const learnPorts = async (): Promise<void> => {
      ports = await portsOf(stdout);
    };
    const current: Life = { child, isDoomed: false, serving: learnPorts() };
    life = current;
    stderr.pipe(log, { end: false });
    child.once('exit', (code, signal) => {
      if (!current.isDoomed) parts.onDeath(index, `exit code ${code}, signal ${signal}`);
    });
    return current.serving;
  }

  return {
    index,
    get pid() {
      return life?.child.pid;
    },
    get dataPort() {
      return ports.data;
    },
    get adminPort() {
      return ports.admin;
    },
    isAlive,
    start,
    kill: () => end('SIGKILL'),
    async terminate(killAfterMs) {
      const beganMs = performance.now();
      const ending = end('SIGTERM');
      const killTimer = setTimeout(() => life?.child.kill('SIGKILL'), killAfterMs);
      await ending;
      clearTimeout(killTimer);
      const tookMs = performance.now() - beganMs;
      return tookMs < killAfterMs ? tookMs : undefined;
    },
    pause: () => void life?.child.kill('SIGSTOP'),
    resume: () => void life?.child.kill('SIGCONT'),
    stepClock(offsetMs) {
      writeFileSync(clockFile, String(offsetMs));
      if (isAlive()) life?.child.kill('SIGUSR2');
    },
  };
}

function environmentOf(parts: ReplicaParts, clockFile: string): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${stepClock}`,
    CHAOS_CLOCK_FILE: clockFile,
    DATABASE_URL: parts.databaseUrl,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_DRAIN_WAIT: '200ms',
    TOLLGATE_DRAIN_TIMEOUT: '2s',
    TOLLGATE_EXAMPLE: 'false',
    TOLLGATE_EXPIRY_INTERVAL: '200ms',
    TOLLGATE_LOG_LEVEL: 'info',
  };
}

/** The ports that the process prints when it serves. */
async function portsOf(
  stdout: NodeJS.ReadableStream,
): Promise<{ readonly data: number; readonly admin: number }> {
  for await (const line of createInterface({ input: stdout })) {
    const [, data, admin] =
      /gateways on 127\.0\.0\.1:(\d+).* on http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    if (data === undefined || admin === undefined) continue;
    stdout.resume();
    return { data: Number(data), admin: Number(admin) };
  }
  throw new Error('the process ended before it served');
}
