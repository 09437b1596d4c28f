import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { LoadOrder, LoadResult } from './load.ts';

/** A child process that serves, until it is stopped. */
export interface Serving {
  readonly address: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a program of this folder (or of the project) and waits for the line that names its port. */
export async function startServing(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  portOf: (line: string) => string | undefined,
): Promise<Serving> {
  const child = spawn(process.execPath, [join(import.meta.dirname, program), ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const port = portOf(line);
    if (port === undefined) continue;
    child.stdout.resume();
    return {
      address: `127.0.0.1:${port}`,
      process: child,
      async stop() {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'exit');
      },
    };
  }
  throw new Error(`${program} ended before it served`);
}

/** Runs the load generator once. */
export async function runLoad(order: LoadOrder): Promise<LoadResult> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'load.ts'), JSON.stringify(order)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the load generator ended with ${code}`);
  return JSON.parse(text) as LoadResult;
}
