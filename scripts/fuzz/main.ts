import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { knownIds } from './known-ids.ts';
import { unaryOnly } from './unary-only.ts';

// Starts a server of its own and lets schemathesis loose on its admin port. Ends with schemathesis' status.

const root = join(import.meta.dirname, '../..');
const schemathesis = join(root, '.clients/fuzz/bin/schemathesis');
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-fuzz-'));
  const secretsFile = join(folder, 'secrets');
  const server = spawn(process.execPath, [join(root, 'bin/tollgate.js'), 'serve'], {
    cwd: folder,
    env: {
      ...process.env,
      TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
      TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
      TOLLGATE_SECRETS_FILE: secretsFile,
      TOLLGATE_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await addressOf(server);
    const secret = /tg_admin_\S+/.exec(readFileSync(secretsFile, 'utf8'))?.[0];
    const description = await (await fetch(`${url}/openapi.json`)).json();
    const schema = join(folder, 'openapi.json');
    writeFileSync(schema, JSON.stringify(knownIds(unaryOnly(description))));
    const options = {
      url,
      header: `authorization: Bearer ${secret}`,
      checks: checks.join(','),
      phases: 'examples,coverage,fuzzing',
      warnings: 'off',
      'generation-database': 'none',
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const run = spawn(
      schemathesis,
      ['run', schema, '--no-color', ...flags, ...process.argv.slice(2)],
      {
        cwd: folder,
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    const [status] = (await once(run, 'exit')) as [number | null];
    return status ?? 1;
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where administrators are answered, as the server says when it serves. */
async function addressOf(server: ChildProcess): Promise<string> {
  if (server.stdout === null) throw new Error('the server has no output');
  for await (const line of createInterface(server.stdout)) {
    const url = /administrators on (\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the server ended before it served');
}

process.exitCode = await main();
