import type { Pool } from 'pg';
import { SettingsError } from '../config.ts';
import { inTransaction } from '../db/transaction.ts';
import { verifyOrganization } from '../ledger/record/verify.ts';
import type { Difference } from '../ledger/record/verify.ts';
import { createUndoList } from '../platform/undo.ts';
import { UsageError, readArguments, wrongUse } from './arguments.ts';
import { openDatabase } from './open-database.ts';
import { unknownOrganizations } from './unknown-organizations.ts';
import { verifyAuditTrails } from './verify-audit.ts';

const use = 'tollgate verify [--repair] [--witness FILE] [ORG]...';

/**
 * `tollgate verify [--repair] [--witness FILE] [ORG]...`: compares every meter of every window with the ledger, one
 * organization after another. Calls go on meanwhile; only with --repair, and only where something differs,
 * do those of that organization wait until it is set right. Then it verifies the chains of the audit trail, which nothing
 * can repair. Exit 1 if anything differs or is wrong; 2 if the command or a setting is wrong, or an organization is
 * unknown: then nothing is compared.
 */
export async function verify(args: readonly string[]): Promise<number> {
  const options = {
    repair: { type: 'boolean', default: false },
    witness: { type: 'string' },
  } as const;
  const { values, positionals } = readArguments(use, args, options, Infinity);
  const { repair, witness } = values;
  const named = [...new Set(positionals)];
  const undo = createUndoList();
  try {
    // An organization with a long history takes as long as it takes.
    const pool = await openDatabase(undo, 'verify', 0);
    const [missing] = await unknownOrganizations(pool, named);
    if (missing !== undefined) throw wrongUse(use, `no organization ${missing} is known`);
    const orgIds = named.length > 0 ? named : await allOrganizations(pool);
    let differences = 0;
    for (const orgId of orgIds) {
      const found = await verifyOne(pool, orgId, repair);
      for (const one of found) process.stdout.write(`${inWords(orgId, one)}\n`);
      differences += found.length;
    }
    const verdict = differences > 0 && repair ? ', set right' : '';
    process.stdout.write(`${orgIds.length} organizations, ${differences} differences${verdict}\n`);
    const audit = await verifyAuditTrails(pool, orgIds, named.length === 0, witness);
    for (const fault of audit.faults) process.stdout.write(`${fault}\n`);
    const { chains, entries, faults } = audit;
    process.stdout.write(`${chains} audit trails, ${entries} entries, ${faults.length} faults\n`);
    return differences > 0 || faults.length > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`tollgate: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof SettingsError || error instanceof UsageError ? 2 : 1;
  } finally {
    await undo.run();
  }
}

/** Looks first, since to repair is to look again with the organization locked. */
async function verifyOne(pool: Pool, orgId: string, repair: boolean): Promise<Difference[]> {
  const found = await inTransaction(pool, (client) => verifyOrganization(client, orgId, false));
  if (found.length === 0 || !repair) return found;
  return inTransaction(pool, (client) => verifyOrganization(client, orgId, true));
}

async function allOrganizations(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ org_id: string }>(
    "SELECT org_id FROM org WHERE org_id <> '' ORDER BY org_id",
  );
  return rows.map((row) => row.org_id);
}

function inWords(orgId: string, { meter, counter, recorded, found }: Difference): string {
  return `${orgId} ${meter} ${counter}: the ledger says ${recorded}, the meter ${found}`;
}
