import type { PoolClient } from 'pg';
import { platformChain } from './audit-trail.ts';
import type { AuditFault, AuditHead, ChainVerdict, KeptEntry } from './audit-trail.ts';
import { entryHash, noHash } from './entry-hash.ts';
import { entryOfRow, readHead } from './entry-row.ts';
import type { EntryRow } from './entry-row.ts';
import { selectEntries } from './select-entries.ts';

const pageSize = 500;
/** The most entries that are verified at once. */
const mostEntries = 10_000;
/** The most pages that are read at once; a page of long documents has few entries. */
const mostPages = 40;

/**
 * Verifies the entries of a chain after one that is known (or all), in order, and stops at the first that is wrong. The
 * organization exists, so its chain has an entry: its creation. What is read must be one instant: entries may be appended
 * meanwhile.
 */
export async function verifyChain(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  after: AuditHead | undefined,
): Promise<ChainVerdict> {
  const head = await readHead(client, orgId);
  let verified = after ?? { sequence: 0, hash: noHash };
  if (!(await isInChain(client, orgId, verified))) {
    const fault = { sequence: verified.sequence, kind: 'NOT_AS_KEPT' } as const;
    return { fault, verified: { sequence: 0, hash: noHash }, head };
  }
  const firstToVerify = verified.sequence;
  for (let pages = 0; ; pages += 1) {
    const isEnough = pages >= mostPages || verified.sequence - firstToVerify >= mostEntries;
    if (isEnough && verified.sequence < head.sequence) return { fault: undefined, verified, head };
    const entries = await readAfter(client, orgId, verified.sequence);
    if (entries.length === 0) {
      return { fault: faultOfEnd(orgId, verified, head), verified, head };
    }
    for (const entry of entries) {
      const kind = faultOf(entry, verified, head);
      if (kind === 'MISSING') return { fault: fault(verified.sequence + 1, kind), verified, head };
      if (kind !== undefined) return { fault: fault(entry.sequence, kind), verified, head };
      verified = { sequence: entry.sequence, hash: entry.hash };
    }
  }
}

function fault(sequence: number, kind: AuditFault['kind']): AuditFault {
  return { sequence, kind };
}

/** Whether the chain has this entry, by what it says now. */
async function isInChain(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  { sequence, hash }: AuditHead,
): Promise<boolean> {
  if (sequence === 0) return hash.equals(noHash);
  const [entry] = await readAfter(client, orgId, sequence - 1, 1);
  return entry?.sequence === sequence && entryHash(entry).equals(hash);
}

async function readAfter(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  sequence: number,
  size = pageSize,
): Promise<readonly KeptEntry[]> {
  // One less: it asks for one more, to know whether the list goes on.
  const page = { after: String(sequence), size: size - 1, isAscending: true };
  const { text, values } = selectEntries({ orgId }, page);
  const { rows } = await client.query<EntryRow>(text, [...values]);
  return rows.map(entryOfRow);
}

/** What is wrong with the entry that follows one that is right. */
function faultOf(
  entry: KeptEntry,
  before: AuditHead,
  head: AuditHead,
): AuditFault['kind'] | undefined {
  if (before.sequence >= head.sequence) return 'INSERTED';
  if (entry.sequence !== before.sequence + 1) return 'MISSING';
  if (!entryHash(entry).equals(entry.hash)) return 'CHANGED';
  if (!entry.previousHash.equals(before.hash)) return 'MISLINKED';
  return undefined;
}

/** What is wrong where the entries end. */
function faultOfEnd(orgId: string, last: AuditHead, head: AuditHead): AuditFault | undefined {
  if (last.sequence < head.sequence) return fault(last.sequence + 1, 'MISSING');
  if (last.sequence === 0) return orgId === platformChain ? undefined : fault(1, 'MISSING');
  return last.hash.equals(head.hash) ? undefined : fault(last.sequence, 'CHANGED');
}
