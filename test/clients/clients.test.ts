import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../support/run-command.ts';
import { expectedSteps } from './expected-steps.ts';

const root = join(import.meta.dirname, '../..');
const tools = join(root, '.clients');
const inPython = join(tools, 'python/bin/python');
/** The clients that `scripts/clients.sh` has prepared: they must run. */
const demanded = (process.env['CLIENTS'] ?? '').split(' ');

/** Whether all is there that a client needs, in the versions of this file. Says so if not, and fails if it should be. */
function isPrepared(client: string, versions: string): boolean {
  const ready = join(tools, `${client}.ready`);
  const wanted = readFileSync(join(import.meta.dirname, client, versions), 'utf8');
  if (existsSync(ready) && readFileSync(ready, 'utf8') === wanted) return true;
  if (demanded.includes(client)) throw new Error(`the ${client} client is not prepared`);
  const why = 'scripts/clients.sh installs what it needs';
  process.stdout.write(`clients: the ${client} client is not run: ${why}\n`);
  return false;
}

let folder: string;
let server: ReturnType<typeof runCommand> | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-clients-'));
});
afterAll(async () => {
  server?.child.kill('SIGTERM');
  await server?.ended;
  rmSync(folder, { recursive: true });
});

interface Served {
  readonly data: string;
  readonly admin: string;
  readonly secrets: Record<string, string>;
}

/** The server of all clients, with a PostgreSQL of its own. */
async function served(): Promise<Served> {
  const secretsFile = join(folder, 'secrets');
  server ??= runCommand(['serve'], {
    TOLLGATE_FOLDER: join(folder, 'store'),
    TOLLGATE_SECRETS_FILE: secretsFile,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_DRAIN_WAIT: '0s',
    TOLLGATE_EXAMPLE: 'false',
    TOLLGATE_LOG_LEVEL: 'error',
  });
  const { said } = server;
  await expect.poll(() => said.out + said.err, { timeout: 60_000 }).toContain('administrators on');
  const [data = '', admin = ''] = [...said.out.matchAll(/127\.0\.0\.1:\d+/g)].map(String);
  const [, secret = '', token = ''] =
    /^ADMIN=(\S+)\nTOLLGATE_TOKEN=(\S+)$/m.exec(readFileSync(secretsFile, 'utf8')) ?? [];
  return { data, admin, secrets: { ADMIN_SECRET: secret, SERVICE_TOKEN: token } };
}

/** Runs a client for an organization of its own; what it said, a value for each line. */
async function play(
  org: string,
  [program, ...args]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Promise<unknown[]> {
  const { data, admin, secrets } = await served();
  const env = { PATH: process.env['PATH'] ?? '', ...environment, ...secrets };
  const { stdout } = await promisify(execFile)(program, [...args, data, admin, org], {
    env,
    timeout: 90_000,
  });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const timeoutMs = 300_000;

// Seen red, both: with the metadata of errors left out.
test(
  'a Go client that is generated from the protos alone does all that a gateway does',
  { timeout: timeoutMs },
  async () => {
    const bin = join(tools, 'bin');
    if (!isPrepared('go', 'go.sum')) return;
    const module = join(folder, 'go');
    cpSync(join(import.meta.dirname, 'go'), module, { recursive: true });
    const path = [bin, join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
    const template = join(import.meta.dirname, 'buf.gen.go.yaml');
    const env = { ...process.env, PATH: path, GOPROXY: 'off', GOFLAGS: '-mod=readonly' };
    execFileSync('buf', ['generate', '--template', template, '--output', module], {
      cwd: root,
      env,
    });
    execFileSync('go', ['build', '-o', 'smoke', '.'], { cwd: module, env });
    expect(await play('go', [join(module, 'smoke')], {})).toEqual(expectedSteps('go'));
  },
);

test(
  'a Python client that is generated from the protos alone does the same',
  { timeout: timeoutMs },
  async () => {
    if (!isPrepared('python', 'requirements.txt')) return;
    const generated = join(folder, 'python');
    mkdirSync(generated);
    const protos = globSync('tollgate/**/*.proto', { cwd: join(root, 'proto') });
    const out = [`--python_out=${generated}`, `--grpc_python_out=${generated}`];
    execFileSync(inPython, ['-m', 'grpc_tools.protoc', '-I', 'proto', ...out, ...protos], {
      cwd: root,
    });
    const program = join(import.meta.dirname, 'python/smoke.py');
    const said = await play('python', [inPython, program], { PYTHONPATH: generated });
    expect(said).toEqual(expectedSteps('python'));
  },
);
