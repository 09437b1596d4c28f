import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { LoadMessage, LoadOrder, LoadResult } from './load/order.ts';

/** A child process that serves on a port of 127.0.0.1, until it is stopped. */
export interface Serving {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A program of this folder (or of the project). */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[];
}

/** Starts a program and waits for the line that names its port. */
export async function startServing(
  { file, args, environment, nodeArgs = [] }: Program,
  portOf: (line: string) => string | undefined,
): Promise<Serving> {
  const path = join(import.meta.dirname, file);
  const child = spawn(process.execPath, [...nodeArgs, path, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const port = portOf(line);
    if (port === undefined) continue;
    child.stdout.resume();
    return {
      port: Number(port),
      pid: child.pid ?? 0,
      async stop() {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'exit');
      },
    };
  }
  throw new Error(`${file} ended before it served`);
}

/** What is called at the two ends of a measurement; the load generator lives as long as the second takes. */
export interface LoadListener {
  readonly measuring: (generatorPid: number) => Promise<void>;
  readonly measured: (generatorPid: number) => Promise<void>;
}

/** Runs the load generator once. */
export async function runLoad(order: LoadOrder, listener?: LoadListener): Promise<LoadResult> {
  const child = fork(join(import.meta.dirname, 'load/main.ts'), [JSON.stringify(order)]);
  const pid = child.pid ?? 0;
  const exited = once(child, 'exit');
  const result = new Promise<LoadResult>((resolve, reject) => {
    child.on('message', (message: LoadMessage) => {
      if (message.phase === 'measuring') void listener?.measuring(pid).catch(reject);
      else {
        const done = listener?.measured(pid) ?? Promise.resolve();
        void done.then(() => resolve(message.result), reject);
      }
    });
    child.once('exit', (code) => reject(new Error(`the load generator ended with ${code}`)));
  });
  const got = await result;
  child.disconnect();
  const [code] = (await exited) as [number | null];
  if (code !== 0) throw new Error(`the load generator ended with ${code}`);
  return got;
}
