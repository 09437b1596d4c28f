import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ChannelCredentials } from '@grpc/grpc-js';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';

/** A Tollgate in a process of its own. */
export interface ServerProcess {
  readonly client: UnaryClient;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL: nothing is finished, nothing is said. */
  kill(): Promise<void>;
  /** SIGTERM: drains. */
  stop(): Promise<void>;
}

const program = join(import.meta.dirname, '../../bin/tollgate.js');

/** Starts a process on a database and waits until it serves. */
export async function startServerProcess(
  databaseUrl: string,
  token: string,
  environment: Readonly<Record<string, string>> = {},
  { onSpawn }: { readonly onSpawn?: (child: ChildProcess) => void } = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [program, 'serve'], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
      TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
      TOLLGATE_DRAIN_WAIT: '0s',
      TOLLGATE_EXAMPLE: 'false',
      TOLLGATE_LOG_LEVEL: 'silent',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onSpawn?.(child);
  const port = await portOf(child.stdout);
  const client = createUnaryClient({
    address: `127.0.0.1:${port}`,
    credentials: ChannelCredentials.createInsecure(),
    token,
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  return {
    client,
    signal: (signal) => void child.kill(signal),
    kill: () => end('SIGKILL'),
    async stop() {
      client.close();
      await end('SIGTERM');
    },
  };
}

async function portOf(stdout: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: stdout });
  for await (const line of lines) {
    const port = /gateways on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    stdout.resume();
    return port;
  }
  throw new Error('the process ended before it served');
}
