import { createPgAccessStore } from '../auth/pg-access-store.ts';
import { planeOf } from '../auth/plane-of.ts';
import { SettingsError } from '../config.ts';
import { newSecret, secretSha256 } from '../platform/secret.ts';
import { createUndoList } from '../platform/undo.ts';
import type { AccessStore, ListedAccess, NewAccess } from '../service/auth.ts';
import { UsageError, readArguments, wrongUse } from './arguments.ts';
import { inWords } from './in-words.ts';
import { openDatabase } from './open-database.ts';
import { print } from './print.ts';
import { unknownOrganizations } from './unknown-organizations.ts';
import { writeSecretsFile } from './secrets-file.ts';

const roles = [
  'gateway',
  'checker',
  'reporter',
  'platform_admin',
  'org_admin',
  'org_viewer',
] as const;
const issueUse = `tollgate access issue NAME --role ${roles.join('|')} [--org ORG]... [--file FILE]`;
const listUse = 'tollgate access list';
const revokeUse = 'tollgate access revoke NAME';
const statementTimeoutMs = 10_000;
/** As a bearer of a secret or the subject of a certificate is named: no spaces, and short enough to log. */
const wellFormedName = /^[\x21-\x7e]{1,253}$/;

type Pool = Awaited<ReturnType<typeof openDatabase>>;
type Command = (store: AccessStore, pool: Pool) => Promise<void>;

/**
 * `tollgate access issue | list | revoke`: the secrets of gateways and administrators, on the host of the database.
 * Exit 1 if the store refuses or fails, 2 on wrong use or settings.
 */
export async function access(args: readonly string[]): Promise<number> {
  const command = readCommand(args);
  const undo = createUndoList();
  try {
    const pool = await openDatabase(undo, 'access', statementTimeoutMs);
    await command(createPgAccessStore(pool), pool);
    return 0;
  } catch (error) {
    process.stderr.write(`tollgate access: ${inWords(error)}\n`);
    return error instanceof SettingsError ? 2 : 1;
  } finally {
    await undo.run();
  }
}

function readCommand([name = '', ...args]: readonly string[]): Command {
  switch (name) {
    case 'issue':
      return readIssue(args);
    case 'list':
      readArguments(listUse, args, {}, 0);
      return list;
    case 'revoke': {
      const [bearer] = readArguments(revokeUse, args, {}, 1).positionals;
      if (bearer === undefined) throw wrongUse(revokeUse, 'no name is given');
      return (store) => revoke(store, bearer);
    }
    default:
      throw new UsageError(
        `unknown command access ${name}; expected: ${issueUse} | ${listUse} | ${revokeUse}`,
      );
  }
}

function readIssue(args: readonly string[]): Command {
  const options = {
    role: { type: 'string' },
    org: { type: 'string', multiple: true },
    file: { type: 'string' },
  } as const;
  const { values, positionals } = readArguments(issueUse, args, options, 1);
  const [name] = positionals;
  if (name === undefined || !wellFormedName.test(name)) {
    throw wrongUse(issueUse, 'NAME: expected 1 to 253 printable ASCII characters without spaces');
  }
  const role = roles.find((one) => one === values.role);
  if (role === undefined) throw wrongUse(issueUse, `--role: expected one of ${roles.join(', ')}`);
  const orgIds = values.org === undefined ? undefined : [...new Set(values.org)];
  if (role === 'platform_admin' && orgIds !== undefined) {
    throw wrongUse(issueUse, '--org: a platform_admin acts for every organization');
  }
  if (role.startsWith('org_') && orgIds === undefined) {
    throw wrongUse(issueUse, `--org: an ${role} needs at least one organization`);
  }
  return (store, pool) => issue(store, pool, { name, role, orgIds }, values.file);
}

async function issue(
  store: AccessStore,
  pool: Pool,
  entry: Omit<NewAccess, 'sha256'>,
  file: string | undefined,
): Promise<void> {
  const [missing] = await unknownOrganizations(pool, entry.orgIds ?? []);
  if (missing !== undefined) throw new Error(`--org: no organization ${missing} is known`);
  const secret = newSecret(planeOf[entry.role] === 'data' ? 'gateway' : 'admin');
  const line = `${secret}\n`;
  const show = () => (file === undefined ? print(line) : writeSecretsFile(file, line));
  const isFree = await store.create([{ ...entry, sha256: secretSha256(secret) }], show);
  if (!isFree) throw new Error(`the name ${entry.name} is taken, if only by a revoked secret`);
}

async function list(store: AccessStore): Promise<void> {
  for (const entry of await store.list()) await print(`${inLine(entry)}\n`);
}

function inLine({ name, role, orgIds, createdAtMs, revokedAtMs }: ListedAccess): string {
  const scope = orgIds === undefined ? '(every organization)' : orgIds.join(',');
  const created = `created ${new Date(createdAtMs).toISOString()}`;
  const revoked =
    revokedAtMs === undefined ? [] : [`revoked ${new Date(revokedAtMs).toISOString()}`];
  return [name, role, scope, created, ...revoked].join('  ');
}

async function revoke(store: AccessStore, name: string): Promise<void> {
  if (!(await store.revoke(name))) throw new Error(`no secret is called ${name}`);
}
