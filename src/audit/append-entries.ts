import { setImmediate as giveTurn } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import type { Audited, AuditedBy, AuditEntry, AuditHead } from './audit-trail.ts';
import { canonicalJson } from './canonical-json.ts';
import { entryHash, noHash } from './entry-hash.ts';

/** The form of the documents in an entry. */
const documentForm = 1;
/** Rows of one statement. */
const maxRows = 1000;
/** Entries that are hashed in one turn. */
const hashedAtOnce = 200;
/** Items of a document that are written in one turn. */
const maxItems = 500;

/** Where entries are appended, and what they have in common. */
export interface Appending {
  /** The organization, which exists; or `platformChain`. */
  readonly orgId: string;
  readonly now: Date;
  readonly by: AuditedBy;
  /** The epoch that the change makes, if it makes one: only those entries are part of the history of records. */
  readonly epoch?: number | undefined;
}

/**
 * Appends entries to a chain, in the transaction of what they tell of: after it was found that the call is not a repeat,
 * and before the commit. Answers the head that the chain has then.
 *
 * It locks the chain until the end of the transaction. So whatever else the transaction locks (an organization by its own
 * meter row, for example) it locks before, and it appends to no more than one chain.
 */
export async function appendAuditEntries(
  client: Pick<PoolClient, 'query'>,
  to: Appending,
  things: readonly Audited[],
): Promise<AuditHead> {
  const { orgId } = to;
  let head = await lockChain(client, to);
  let rows: unknown[][] = [];
  for (const [index, thing] of things.entries()) {
    if (index > 0 && index % hashedAtOnce === 0) await giveTurn();
    const entry = await entryOf(to, head, thing);
    const hash = entryHash(entry);
    head = { sequence: entry.sequence, hash, atMs: entry.atMs };
    rows.push(parametersOf(entry, hash));
    if (rows.length < maxRows && index < things.length - 1) continue;
    await insert(client, orgId, rows);
    rows = [];
  }
  const moved = [orgId, head.sequence, head.hash, new Date(head.atMs)];
  await client.query(
    'UPDATE audit_chain SET sequence = $2, hash = $3, at = $4 WHERE org_id = $1',
    moved,
  );
  return { sequence: head.sequence, hash: head.hash };
}

interface DatedHead extends AuditHead {
  readonly atMs: number;
}

/** Locks the chain, begins it if it has no entries, and reads its head as the last holder of the lock left it. */
async function lockChain(
  client: Pick<PoolClient, 'query'>,
  { orgId, now }: Appending,
): Promise<DatedHead> {
  const { rows } = await client.query<{ sequence: string; hash: Buffer; at: Date }>(
    `INSERT INTO audit_chain AS c (org_id, sequence, hash, at) VALUES ($1, 0, $2, $3)
ON CONFLICT (org_id) DO UPDATE SET sequence = c.sequence RETURNING sequence, hash, at`,
    [orgId, noHash, now],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the chain of an audit trail could not be locked');
  return { sequence: Number(row.sequence), hash: row.hash, atMs: row.at.getTime() };
}

async function entryOf(
  { orgId, now, by, epoch }: Appending,
  head: DatedHead,
  thing: Audited,
): Promise<AuditEntry> {
  return {
    orgId,
    sequence: head.sequence + 1,
    // The clocks of two replicas differ: the later one of two entries never has the earlier time.
    atMs: Math.max(now.getTime(), head.atMs),
    actor: by.actor,
    rpc: by.rpc ?? '',
    peer: by.peer ?? '',
    kind: thing.kind,
    subject: thing.subject,
    revision: thing.revision,
    epoch,
    reason: by.reason,
    requestId: by.requestId ?? '',
    before: await docOf(thing.before),
    after: await docOf(thing.after),
    secretShown: thing.secretShown ?? false,
    previousHash: head.hash,
  };
}

/** The document of an entry. Thousands of prices that were imported are written in slices. */
async function docOf(content: object | undefined): Promise<string | undefined> {
  if (content === undefined) return undefined;
  // The largest policies take some milliseconds each.
  await giveTurn();
  if (!Array.isArray(content)) return canonicalJson({ form: documentForm, ...content });
  const items: string[] = [];
  for (let first = 0; first < content.length; first += maxItems) {
    if (first > 0) await giveTurn();
    items.push(...(content as unknown[]).slice(first, first + maxItems).map(canonicalJson));
  }
  return `{"form":${documentForm},"items":[${items.join(',')}]}`;
}

/** The columns after `org_id`, and their types. */
const columns = {
  sequence: 'bigint',
  at: 'timestamptz',
  actor: 'text',
  rpc: 'text',
  peer: 'text',
  kind: 'text',
  subject: 'text',
  revision: 'bigint',
  epoch: 'bigint',
  reason: 'text',
  request_id: 'text',
  before_doc: 'json',
  after_doc: 'json',
  secret_shown: 'boolean',
  previous_hash: 'bytea',
  hash: 'bytea',
};
const names = Object.keys(columns);
const arrays = Object.values(columns).map((type, index) => `$${index + 2}::${type}[]`);

/** The organization is one plain value, so that a distributed PostgreSQL knows the node. */
const statement = `INSERT INTO audit_entry (org_id, ${names.join(', ')})
SELECT $1, * FROM unnest(${arrays.join(', ')})`;

function parametersOf(entry: AuditEntry, hash: Buffer): unknown[] {
  const { sequence, atMs, actor, rpc, peer, kind, subject, reason, requestId } = entry;
  const { revision = null, epoch = null, before = null, after = null } = entry;
  const what = [sequence, new Date(atMs), actor, rpc, peer, kind, subject];
  const how = [revision, epoch, reason, requestId, before, after, entry.secretShown];
  return [...what, ...how, entry.previousHash, hash];
}

async function insert(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const values = names.map((_, column) => rows.map((row) => row[column]));
  await client.query(statement, [orgId, ...values]);
}
