import type { PoolClient } from 'pg';
import type { AuditHead, KeptEntry } from './audit-trail.ts';
import { noHash } from './entry-hash.ts';

/** A row of `audit_entry`, as `entryColumns` reads it. */
export interface EntryRow {
  readonly org_id: string;
  readonly sequence: string;
  readonly at: Date;
  readonly actor: string;
  readonly rpc: string;
  readonly peer: string;
  readonly kind: string;
  readonly subject: string;
  readonly revision: string | null;
  readonly epoch: string | null;
  readonly reason: string;
  readonly request_id: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly secret_shown: boolean;
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
  readonly bytes: number;
}

/** Documents are read as the texts that the hash covers. */
export const entryColumns = `org_id, sequence, at, actor, rpc, peer, kind, subject, revision, epoch, reason,
  request_id, before_doc::text AS before, after_doc::text AS after, secret_shown, previous_hash, hash,
  coalesce(octet_length(before_doc::text), 0) + coalesce(octet_length(after_doc::text), 0) AS bytes`;

/** Reads an entry from its row. */
export function entryOfRow(row: EntryRow): KeptEntry {
  return {
    orgId: row.org_id,
    sequence: Number(row.sequence),
    atMs: row.at.getTime(),
    actor: row.actor,
    rpc: row.rpc,
    peer: row.peer,
    kind: row.kind,
    subject: row.subject,
    revision: row.revision === null ? undefined : Number(row.revision),
    epoch: row.epoch === null ? undefined : Number(row.epoch),
    reason: row.reason,
    requestId: row.request_id,
    before: row.before ?? undefined,
    after: row.after ?? undefined,
    secretShown: row.secret_shown,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/** Reads the end of a chain, as its row says. */
export async function readHead(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
): Promise<AuditHead> {
  const { rows } = await client.query<{ sequence: string; hash: Buffer }>(
    'SELECT sequence, hash FROM audit_chain WHERE org_id = $1',
    [orgId],
  );
  const [row] = rows;
  return row === undefined
    ? { sequence: 0, hash: noHash }
    : { sequence: Number(row.sequence), hash: row.hash };
}
