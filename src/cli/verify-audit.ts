import type { Pool } from 'pg';
import { platformChain } from '../audit/audit-trail.ts';
import type { AuditFault, AuditHead, ChainVerdict } from '../audit/audit-trail.ts';
import { verifyChain } from '../audit/verify-chain.ts';
import { createReadUntil } from '../db/read-until.ts';
import { readWitness, writeWitness } from './witness-file.ts';

/** What the chains of audit trails were found to be. */
export interface AuditVerdict {
  /** A line for each chain in which something is wrong. */
  readonly faults: readonly string[];
  readonly chains: number;
  readonly entries: number;
}

/**
 * Verifies the chains of organizations and, if `withPlatform`, that of the platform. With a witness file, each must
 * also still have the entry that the file names; then the file is written with the ends of the chains that are right.
 */
export async function verifyAuditTrails(
  pool: Pool,
  orgIds: readonly string[],
  withPlatform: boolean,
  witnessPath: string | undefined,
): Promise<AuditVerdict> {
  const witness =
    witnessPath === undefined ? new Map<string, AuditHead>() : await readWitness(witnessPath);
  const chains = [...new Set(withPlatform ? [platformChain, ...orgIds] : orgIds)];
  const faults: string[] = [];
  let entries = 0;
  if (withPlatform) {
    for (const orgId of witness.keys()) {
      if (!chains.includes(orgId)) faults.push(`${nameOf(orgId)}: its audit trail is gone`);
    }
  }
  for (const orgId of chains) {
    const { fault, head } = await verifyOne(pool, orgId, witness.get(orgId));
    entries += head.sequence;
    if (fault === undefined) witness.set(orgId, head);
    else faults.push(`${nameOf(orgId)}: audit entry ${fault.sequence} ${inWords[fault.kind]}`);
  }
  if (witnessPath !== undefined) await writeWitness(witnessPath, witness);
  return { faults, chains: chains.length, entries };
}

/** From its first entry to its end, piece by piece, and the entry that was kept. */
async function verifyOne(
  pool: Pool,
  orgId: string,
  kept: AuditHead | undefined,
): Promise<ChainVerdict> {
  const readUntil = createReadUntil(pool, () => performance.now());
  const piece = (after: AuditHead | undefined): Promise<ChainVerdict> =>
    readUntil({ deadlineMs: undefined, cancelled: undefined }, (client) =>
      verifyChain(client, orgId, after),
    );
  let verdict = await piece(undefined);
  while (verdict.fault === undefined && verdict.verified.sequence < verdict.head.sequence) {
    verdict = await piece(verdict.verified);
  }
  if (verdict.fault !== undefined || kept === undefined) return verdict;
  const { fault } = await piece(kept);
  return { ...verdict, fault };
}

const inWords: Readonly<Record<AuditFault['kind'], string>> = {
  CHANGED: 'was changed',
  MISSING: 'is missing',
  MISLINKED: 'does not follow the one before it, which was replaced',
  INSERTED: 'stands after the end of the chain',
  NOT_AS_KEPT: 'is not the one in the witness file: the end was cut off, or the chain made again',
};

function nameOf(orgId: string): string {
  return orgId === platformChain ? 'the platform' : orgId;
}
