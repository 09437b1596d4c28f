import type { PoolClient } from 'pg';
import { subjectName } from '../../core/subject.ts';
import type { ReadLimits } from '../../db/read-until.ts';
import { positionOf, tokenAfter } from '../../platform/paging.ts';
import type { Page, Position } from '../../platform/paging.ts';
import type {
  CallFilter,
  Calls,
  CallSummary,
  FreshCall,
  ListedCalls,
} from '../../service/admin/calls.ts';
import type { GatedRead } from '../gated-reads.ts';
import { countFreshCalls, freshCalls } from '../sql/fresh-calls.ts';
import type { FreshCallRow } from '../sql/fresh-calls.ts';
import { keptCalls } from '../sql/kept-calls.ts';
import { scanCalls } from '../sql/list-calls.ts';
import type { CallScope, ScannedCall } from '../sql/list-calls.ts';
import { callRow } from '../sql/read-state.ts';
import { keptCall } from './kept-call.ts';
import { knownCall } from './known-call.ts';
import type { KnownCall } from './known-call.ts';
import { summariesOf } from './summaries.ts';

type Client = Pick<PoolClient, 'query'>;

/** How many calls are looked at for a page, at most, and at once where few may be what is looked for. */
const mostScanned = 10_000;
const scannedAtOnce = 1000;
const watchTimeoutMs = 5000;
/** Where counting the calls that were not read ends. */
const mostCounted = 20_000;
const endOfTimeMs = 9_000_000_000_000_000;

/** Reads calls from PostgreSQL. */
export function createPgCalls(read: GatedRead): Calls {
  return {
    get: (orgId, requestId, reading) =>
      read(orgId, reading, async (client) => {
        const [call] = await readCalls(client, orgId, [requestId]);
        return call && keptCall(client, call);
      }),
    async list(filter, page, reading) {
      const list = `${filter.orgId}/calls`;
      const after = positionOf(page, list, ['integer', 'text']);
      return read(filter.orgId, reading, async (client) => {
        const found = await search(client, filter, after, page.size + 1);
        return listed(client, filter.orgId, found, page, list);
      });
    },
    fresh: (orgId, fromMs, newestMs, most) =>
      read(orgId, watching(), (client) => fresh(client, { orgId, fromMs, newestMs, most })),
    summaries: (orgId, requestIds) =>
      read(orgId, watching(), async (client) =>
        summariesOf(client, orgId, await readCalls(client, orgId, requestIds)),
      ),
  };
}

/** Nobody waits longer for what is shown as it happens. */
function watching(): ReadLimits {
  return { deadlineMs: performance.now() + watchTimeoutMs, cancelled: undefined };
}

/** What a watched organization's newest calls are read by. */
interface Freshness {
  readonly orgId: string;
  readonly fromMs: number;
  readonly newestMs: number;
  readonly most: number;
}

async function fresh(
  client: Client,
  { orgId, fromMs, newestMs, most }: Freshness,
): Promise<Awaited<ReturnType<Calls['fresh']>>> {
  const { rows } = await client.query<FreshCallRow>({
    ...freshCalls,
    values: [orgId, fromMs, most],
  });
  const found = rows.map(freshCall);
  if (rows.length < most) return { rows: found, more: 0 };
  const values = [orgId, newestMs + 1, mostCounted];
  const counted = await client.query<{ count: number }>({ ...countFreshCalls, values });
  const newer = found.filter(({ bookedAtMs }) => bookedAtMs > newestMs).length;
  return { rows: found, more: Math.max(0, (counted.rows[0]?.count ?? 0) - newer) };
}

function freshCall(row: FreshCallRow): FreshCall {
  const answered = row.is_post_paid ? undefined : 'ALLOW';
  return {
    requestId: row.request_id,
    bookedAtMs: Number(row.booked_at),
    decision: row.reason === null ? answered : 'DENY',
    reason: row.reason ?? undefined,
    subjects: row.subjects,
    target: row.target,
  };
}

/** What a search has found, and where it ended. */
interface Found {
  readonly places: readonly Position[];
  /** Undefined: there is no more. */
  readonly last: Position | undefined;
}

/** Looks through calls until enough are found, all are looked at, or too many. */
async function search(
  client: Client,
  filter: CallFilter,
  after: Position | undefined,
  wanted: number,
): Promise<Found> {
  const places: Position[] = [];
  let last = after;
  let scanned = 0;
  const atOnce = isSelective(filter) ? Math.max(wanted, scannedAtOnce) : wanted;
  while (places.length < wanted && scanned < mostScanned) {
    const most = Math.min(atOnce, mostScanned - scanned);
    const rows = await scan(client, filter, last, most);
    for (const row of rows) if (row.fits) places.push([row.booked_at, row.request_id]);
    const end = rows.at(-1);
    if (end === undefined || end.place < most) return { places, last: undefined };
    scanned += end.place;
    last = [end.booked_at, end.request_id];
  }
  return { places, last };
}

/** Whether some of the calls that are looked at may not be those that are looked for. */
function isSelective(filter: CallFilter): boolean {
  const { subject, target, decision, reason, state } = filter;
  const isAnyDenial = scopeOf(filter) === 'denied' && reason === undefined;
  return (
    [subject, target, reason, state].some((one) => one !== undefined) ||
    (decision !== undefined && !isAnyDenial)
  );
}

function scopeOf({ parent, decision, reason }: CallFilter): CallScope {
  if (parent !== undefined) return 'children';
  return decision === 'DENY' || reason !== undefined ? 'denied' : 'all';
}

async function scan(
  client: Client,
  filter: CallFilter,
  after: Position | undefined,
  most: number,
): Promise<readonly ScannedCall[]> {
  const { orgId, fromMs = 0, toMs = endOfTimeMs, parent = null } = filter;
  const { subject, target = null, decision = null, reason = null, state = null } = filter;
  const [bookedAt = null, requestId = null] = after ?? [];
  // A row comparison of parameters that may be NULL is no bound for the index; this one is.
  const beforeMs = bookedAt === null ? toMs : Math.min(toMs, Number(bookedAt) + 1);
  const { rows } = await client.query<ScannedCall>({
    ...scanCalls[scopeOf(filter)],
    values: [
      orgId,
      Math.max(0, fromMs),
      beforeMs,
      parent,
      bookedAt,
      requestId,
      most,
      subject ? subjectName(subject) : null,
      target,
      decision,
      reason,
      state,
    ],
  });
  return rows;
}

async function listed(
  client: Client,
  orgId: string,
  { places, last }: Found,
  page: Page,
  list: string,
): Promise<ListedCalls> {
  const isFull = places.length > page.size;
  const shown = places.slice(0, page.size);
  const end = isFull ? shown.at(-1) : last;
  return {
    items: await summaries(client, orgId, shown),
    nextToken: end && tokenAfter(page, list, end),
    searchedToMs: end && Number(end[0]),
  };
}

async function summaries(
  client: Client,
  orgId: string,
  places: readonly Position[],
): Promise<readonly CallSummary[]> {
  const ids = places.map(([, requestId = '']) => requestId);
  const calls = new Map(
    (await readCalls(client, orgId, ids)).map((call) => [call.requestId, call]),
  );
  return summariesOf(
    client,
    orgId,
    ids.flatMap((id) => calls.get(id) ?? []),
  );
}

async function readCalls(
  client: Client,
  orgId: string,
  requestIds: readonly string[],
): Promise<readonly KnownCall[]> {
  if (requestIds.length === 0) return [];
  const { rows } = await client.query<(string | null)[]>({
    ...keptCalls,
    values: [orgId, requestIds],
    rowMode: 'array',
  });
  return rows.map((row) => knownCall(callRow(row)));
}
