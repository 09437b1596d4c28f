import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** How to run a PostgreSQL program: PostgreSQL refuses to be root, so root hands it to another account. */
export interface PostgresAccount {
  /** Undefined: our own account. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Puts what is needed before a command. */
  wrap(command: readonly string[]): readonly string[];
}

const ourselves: PostgresAccount = { uid: undefined, gid: undefined, wrap: (command) => command };

/**
 * The account that PostgreSQL runs under. As root that is `postgres`, which is created if need be; when that
 * account cannot reach `program` (below /root, say), it is given the capability to pass closed folders.
 */
export function postgresAccount(program: string, folder: string): PostgresAccount {
  if (process.getuid?.() !== 0) return ourselves;
  const { uid, gid } = findPostgres() ?? createPostgres();
  const account = { uid, gid, wrap: (command: readonly string[]) => command };
  if (canRun(account, program) && canSee(account, folder)) return account;
  const passing: PostgresAccount = {
    uid: undefined,
    gid: undefined,
    wrap: (command) => [
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--inh-caps=+dac_override',
      '--ambient-caps=+dac_override',
      ...command,
    ],
  };
  if (canRun(passing, program)) return { ...passing, uid, gid };
  throw new Error(
    `The account "postgres" cannot reach ${program} or ${folder}. ` +
      'Move the project to a folder that others may enter, do not run as root, or set DATABASE_URL.',
  );
}

/** Options and arguments for `spawn` that run a command under an account. */
export function spawnable(
  account: PostgresAccount,
  command: readonly string[],
): { readonly file: string; readonly args: string[]; readonly as: { uid?: number; gid?: number } } {
  const [file = '', ...args] = account.wrap(command);
  const wrapped = file !== command[0];
  const { uid, gid } = account;
  return { file, args, as: wrapped || uid === undefined || gid === undefined ? {} : { uid, gid } };
}

function findPostgres(): { uid: number; gid: number } | undefined {
  const uid = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
  const gid = spawnSync('id', ['-g', 'postgres'], { encoding: 'utf8' });
  if (uid.status !== 0 || gid.status !== 0) return undefined;
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

function createPostgres(): { uid: number; gid: number } {
  spawnSync('groupadd', ['--system', 'postgres']);
  spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres']);
  const created = findPostgres();
  if (created !== undefined) return created;
  throw new Error(
    'PostgreSQL does not run as root, and no account "postgres" could be created for it. ' +
      'Create one (useradd postgres), do not run as root, or set DATABASE_URL.',
  );
}

function canRun(account: PostgresAccount, program: string): boolean {
  const { file, args, as } = spawnable(account, [program, '--version']);
  return spawnSync(file, args, { ...as, cwd: '/' }).status === 0;
}

function canSee(account: PostgresAccount, folder: string): boolean {
  const test = ['/usr/bin/test', '/bin/test'].find((path) => existsSync(path)) ?? 'test';
  const { file, args, as } = spawnable(account, [test, '-x', folder]);
  return spawnSync(file, args, { ...as, cwd: '/' }).status === 0;
}
