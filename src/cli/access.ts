import { createPgAccessStore } from '../auth/pg-access-store.ts';
import { SettingsError } from '../config.ts';
import { newSecret, secretSha256 } from '../platform/secret.ts';
import { createUndoList } from '../platform/undo.ts';
import type { AccessStore, Grant, ListedAccess, NewAccess } from '../service/auth.ts';
import { isOfDataPlane, roles } from '../service/caller.ts';
import { UsageError, readArguments, wrongUse } from './arguments.ts';
import { inWords } from './in-words.ts';
import { openDatabase } from './open-database.ts';
import { print } from './print.ts';
import { unknownOrganizations } from './unknown-organizations.ts';
import { writeSecretsFile } from './secrets-file.ts';

const issueUse = `tollgate access issue NAME --role ${roles.join('|')} [--org ORG]... [--certificate NAME]... [--file FILE]`;
const listUse = 'tollgate access list';
const revokeUse = 'tollgate access revoke NAME';
const statementTimeoutMs = 10_000;
/** As accounts and the subjects of certificates are named: no spaces, and short enough to log. */
const wellFormedName = /^[\x21-\x7e]{1,200}$/;
const wellFormedCertificateName = /^[\x21-\x7e]{1,253}$/;

type Pool = Awaited<ReturnType<typeof openDatabase>>;
type Command = (store: AccessStore, pool: Pool) => Promise<void>;

/**
 * `tollgate access issue | list | revoke`: accounts of gateways and administrators, on the host of the database.
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
    certificate: { type: 'string', multiple: true },
    file: { type: 'string' },
  } as const;
  const { values, positionals } = readArguments(issueUse, args, options, 1);
  const [name] = positionals;
  if (name === undefined || !wellFormedName.test(name) || name === 'tollgate') {
    throw wrongUse(
      issueUse,
      'NAME: expected 1 to 200 printable ASCII characters without spaces, not tollgate',
    );
  }
  const { certificate: certificateNames = [] } = values;
  if (!certificateNames.every((one) => wellFormedCertificateName.test(one))) {
    const expected = 'expected 1 to 253 printable ASCII characters without spaces';
    throw wrongUse(issueUse, `--certificate: ${expected}`);
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
  return (store, pool) => issue(store, pool, { name, role, orgIds, certificateNames }, values.file);
}

async function issue(
  store: AccessStore,
  pool: Pool,
  entry: Omit<NewAccess, 'sha256'>,
  file: string | undefined,
): Promise<void> {
  const [missing] = await unknownOrganizations(pool, entry.orgIds ?? []);
  if (missing !== undefined) throw new Error(`--org: no organization ${missing} is known`);
  const secret = newSecret(isOfDataPlane(entry.role) ? 'gateway' : 'admin');
  const line = `${secret}\n`;
  const show = () => (file === undefined ? print(line) : writeSecretsFile(file, line));
  const kept = { sha256: secretSha256(secret), lastFour: secret.slice(-4) };
  const isFree = await store.create([{ ...entry, ...kept }], 'tollgate access issue', show);
  if (!isFree) throw new Error(`the name ${entry.name} is taken, if only by a revoked account`);
}

async function list(store: AccessStore): Promise<void> {
  for (const entry of await store.list()) await print(`${inLine(entry)}\n`);
}

function inLine({ name, grants, state, createdAtMs, changedAtMs }: ListedAccess): string {
  const created = `created ${new Date(createdAtMs).toISOString()}`;
  const changed = `${state.toLowerCase()} ${new Date(changedAtMs).toISOString()}`;
  return [
    name,
    grants.map(grantInWords).join('; '),
    created,
    ...(state === 'ENABLED' ? [] : [changed]),
  ].join('  ');
}

function grantInWords({ role, orgIds }: Grant): string {
  return `${role}  ${orgIds === undefined ? '(every organization)' : [...orgIds].join(',')}`;
}

async function revoke(store: AccessStore, name: string): Promise<void> {
  const isThere = await store.revoke(name, 'tollgate access revoke');
  if (!isThere) throw new Error(`no account is called ${name}`);
}
