import { createHash } from 'node:crypto';
import type { AuditEntry, KeptEntry } from './audit-trail.ts';

/** What the first entry of a chain names as the hash of the one before it: 32 bytes of zeros. */
export const noHash: Buffer = Buffer.alloc(32);

/**
 * The text of an entry that its hash covers: all of its fields as JSON in the form of RFC 8785. An export has this text
 * as it is, so that a hash is recomputed without knowing what it says.
 */
export function entryText(entry: AuditEntry): string {
  const text = JSON.stringify;
  // Sorted by name; `before` and `after` are in this form already.
  return `{"actor":${text(entry.actor)},"after":${entry.after ?? 'null'}\
,"before":${entry.before ?? 'null'},"create_time":${text(new Date(entry.atMs).toISOString())}\
,"epoch":${entry.epoch ?? 'null'},"id":${text(entry.subject)},"kind":${text(entry.kind)}\
,"org_id":${text(entry.orgId)},"peer":${text(entry.peer)}\
,"previous_hash":"${entry.previousHash.toString('hex')}","reason":${text(entry.reason)}\
,"request_id":${text(entry.requestId)},"revision":${entry.revision ?? 'null'}\
,"rpc":${text(entry.rpc)},"secret_shown":${entry.secretShown},"sequence":${entry.sequence}}`;
}

/** SHA-256 over the UTF-8 bytes of an entry's text. */
export function entryHash(entry: AuditEntry): Buffer {
  return createHash('sha256').update(entryText(entry)).digest();
}

/** The line of an export: the text that the hash covers, as it is, and the hash that is kept. */
export function exportLine(entry: KeptEntry): string {
  return `{"entry":${entryText(entry)},"hash":"${entry.hash.toString('hex')}"}\n`;
}
