import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../src/config.ts';
import { createTestDatabase } from './support/database.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
/** A user's environment: the Node of these tests first, and nothing of npm's own run of them. */
const environment = {
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
  HOME: process.env['HOME'],
};

describe('the package', () => {
  let folder: string;
  let project: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-package-'));
    // Started by root, PostgreSQL runs as a user of its own, who must be able to read it.
    chmodSync(folder, 0o755);
    project = join(folder, 'project');
    const packing = ['pack', '--json', '--pack-destination', folder];
    const { stdout } = await run('npm', packing, { cwd: root, env: environment });
    const name = /"filename": "([^"]+)"/.exec(stdout)?.[1] ?? '';
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    const installing = [
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      join(folder, name),
    ];
    await run('npm', installing, { cwd: project, env: environment });
  }, 240_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // Red without the emitted JavaScript: Node strips no types below node_modules.
  test('plays scenarios against the PostgreSQL that it brings', async () => {
    const scenarios = join(project, 'scenarios');
    const own = join(root, 'test/scenarios');
    mkdirSync(scenarios);
    cpSync(join(own, '29-replay-and-conflict.yaml'), join(scenarios, 'replay.yaml'));
    const { stdout } = await run('npx', ['tollgate', 'test', 'scenarios'], {
      cwd: project,
      env: environment,
    });
    expect(stdout).toMatch(/^1 passed, 0 failed$/m);
  }, 60_000);

  // Red without the migrations beside the emitted JavaScript.
  test('serves on a database that is named, and says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    const { stdout } = await run('npx', ['tollgate', '--version'], {
      cwd: project,
      env: environment,
    });
    expect(stdout).toBe(`${version}\n`);
    const database = await createTestDatabase();
    // The program itself, for npx does not pass signals on.
    const child = spawn(join(project, 'node_modules/.bin/tollgate'), ['serve'], {
      cwd: project,
      env: {
        ...environment,
        DATABASE_URL: database.url,
        TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
        TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
        TOLLGATE_DRAIN_WAIT: '0s',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    try {
      expect(await firstLine(child.stdout, /administrators on|gateways on/)).toBeDefined();
      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await database.drop();
    }
  }, 60_000);

  test('contains no source of its tests, and the contract', () => {
    const installed = join(project, 'node_modules/tollgate');
    for (const name of [
      'proto/tollgate/v1/decision.proto',
      'LICENSE',
      'README.md',
      'dist/src/main.js',
      'docs/openapi.json',
      'viewer/swagger-ui-bundle.js',
      'viewer/swagger-ui.css',
    ]) {
      expect(existsSync(join(installed, name)), name).toBe(true);
    }
    for (const name of ['src', 'test', 'bench']) {
      expect(existsSync(join(installed, name)), name).toBe(false);
    }
  });
});

async function firstLine(stdout: NodeJS.ReadableStream, pattern: RegExp) {
  for await (const line of createInterface({ input: stdout })) {
    if (!pattern.test(line)) continue;
    stdout.resume();
    return line;
  }
  return undefined;
}

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly build?: string; readonly environment: Record<string, string> }>
  >;
}

describe('compose.yaml', () => {
  const text = readFileSync(join(root, 'compose.yaml'), 'utf8');
  const { services } = parse(text, { merge: true }) as Compose;

  test('starts two replicas on one PostgreSQL, with settings that Tollgate knows', () => {
    const replicas = Object.values(services).filter(({ build }) => build !== undefined);
    expect(replicas).toHaveLength(2);
    for (const { environment } of replicas) {
      const given = Object.entries(environment).map(([name, value]) => [
        name,
        value.replaceAll(/\$\{\w+:-(\w*)\}/g, '$1'),
      ]);
      const settings = readSettings(Object.fromEntries(given) as Record<string, string>);
      expect(settings.databaseUrl).toBe('postgres://tollgate:tollgate@postgres:5432/tollgate');
    }
  });
});

test('the workflow of the public host runs what CI runs', () => {
  const workflow = readFileSync(join(root, '.github/workflows/ci.yml'), 'utf8');
  expect(parse(workflow)).toMatchObject({
    jobs: { ci: { steps: expect.arrayContaining([{ run: 'bash .ci/run' }]) as unknown } },
  });
});
