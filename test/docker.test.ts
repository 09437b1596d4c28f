import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ChannelCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../gen/grpc/health/v1/health_pb.ts';
import { createUnaryClient } from '../src/client/unary-client.ts';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';

const root = join(import.meta.dirname, '..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const instructions = dockerfile.split('\n');

/** What the image takes from this folder. */
const sources = instructions
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(/\s+/).slice(1, -1));
const command = instructions.find((line) => line.startsWith('CMD '))?.slice('CMD '.length);
const install = instructions.find((line) => line.startsWith('RUN npm '))?.split(/\s+/);

describe('the Dockerfile', () => {
  it('copies only what is there, and what .dockerignore lets through', () => {
    expect(sources.length).toBeGreaterThan(4);
    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
    const ignore = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    expect(sources.filter((source) => !ignore.includes(`!${source}`))).toEqual([]);
  });

  it('installs what the lock file says, without what only development needs', () => {
    expect(install?.slice(1)).toEqual(expect.arrayContaining(['npm', 'ci', '--omit=dev']));
  });
});

describe('what the image holds', () => {
  let folder: string;
  let database: TestDatabase;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-image-'));
    for (const source of sources) {
      cpSync(join(root, source), join(folder, source), { recursive: true });
    }
    const [program = 'npm', ...args] = install?.slice(1) ?? [];
    const more = ['--ignore-scripts=false', '--prefer-offline'];
    await promisify(execFile)(program, [...args, ...more], { cwd: folder });
    database = await createTestDatabase();
  }, 240_000);

  afterAll(async () => {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  // Fault planted: the Dockerfile without its `COPY gen`; the process then ends before it serves.
  it('starts by its command, answers health, and stops on SIGTERM with status 0', async () => {
    const [program, ...args] = JSON.parse(command ?? '[]') as string[];
    expect(program).toBe('node');
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        DATABASE_URL: database.url,
        TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
        TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
        TOLLGATE_DRAIN_WAIT: '0s',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    try {
      const port = await dataPort(child.stdout);
      const client = createUnaryClient({
        address: `127.0.0.1:${port}`,
        credentials: ChannelCredentials.createInsecure(),
        token: undefined,
      });
      const { status } = await client.call(Health.method.check, {});
      client.close();
      expect(status).toBe(Serving.SERVING);
      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

async function dataPort(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const port = /gateways on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    stdout.resume();
    return port;
  }
  throw new Error('the process ended before it served');
}
