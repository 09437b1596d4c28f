import type { PoolClient } from 'pg';
import { subjectName } from '../../core/subject.ts';
import { positionOf, tokenAfter } from '../../platform/paging.ts';
import type { Page, Position } from '../../platform/paging.ts';
import type {
  CountedEvents,
  EventCounting,
  EventFilter,
  Events,
  ListedEvents,
} from '../../service/admin/events.ts';
import type { GatedRead } from '../gated-reads.ts';
import { countDenials, countEvents } from '../sql/count-events.ts';
import type { CountRow } from '../sql/count-events.ts';
import { scanEvents } from '../sql/list-events.ts';
import type { EventRow, ScannedEvent } from '../sql/list-events.ts';
import { storedEvent } from './stored-event.ts';

type Client = Pick<PoolClient, 'query'>;

/** How many events are looked at for a page, at most, and at once where few may be what is looked for. */
const mostScanned = 10_000;
const scannedAtOnce = 1000;
const mostCounted = 100_000;
/** The last instant that PostgreSQL and a Timestamp both know. */
const endOfTimeMs = 253_402_300_800_000;

/** Reads enforcement events from PostgreSQL. */
export function createPgEvents(read: GatedRead): Events {
  return {
    async list(filter, page, reading) {
      const list = `${filter.orgId}/events`;
      const after = positionOf(page, list, ['integer', 'text']);
      return read(filter.orgId, reading, (client) => search(client, filter, after, page, list));
    },
    count: (counting, reading) =>
      read(counting.filter.orgId, reading, (client) => count(client, counting)),
  };
}

async function count(
  client: Client,
  { filter, cutsMs, groupBy }: EventCounting,
): Promise<CountedEvents> {
  const isDenials = groupBy === 'DENIAL_REASON';
  const { text } = isDenials ? countDenials : countEvents[groupBy ?? 'NOTHING'];
  // A denied call has its user among its subjects.
  const user = filter.user !== undefined && isDenials ? userName(filter.user) : filter.user;
  const values = [...valuesOf({ ...filter, user }, filter.toMs), cutsMs, mostCounted];
  const { rows } = await client.query<CountRow>({ text, values });
  const [first] = rows;
  const isCut = first !== undefined && first.rows > mostCounted;
  return {
    counts: rows.flatMap(({ interval, group, count: sum }) =>
      interval === null || sum === null
        ? []
        : [{ interval, group: group ?? undefined, count: BigInt(sum) }],
    ),
    // Of what happened at the same millisecond as the oldest row, only a part may be counted.
    countedFromMs: isCut ? Number(first.oldest_ms) + 1 : undefined,
  };
}

function userName(id: string): string {
  return subjectName({ kind: 'user', id });
}

/** The parameters that select events: $1 to $8. */
function valuesOf(filter: EventFilter, toMs: number): unknown[] {
  const { orgId, fromMs = 0, user = null, action = null, limit = null, target = null } = filter;
  const subjects = filter.subjects.map(subjectName);
  return [orgId, Math.max(0, fromMs), toMs, user, action, limit, subjects, target];
}

/** Looks through events until a page is full, all are looked at, or too many. */
async function search(
  client: Client,
  filter: EventFilter,
  after: Position | undefined,
  page: Page,
  list: string,
): Promise<ListedEvents> {
  const found: EventRow[] = [];
  let last = after;
  let scanned = 0;
  const wanted = page.size + 1;
  const atOnce = isSelective(filter) ? Math.max(wanted, scannedAtOnce) : wanted;
  while (found.length < wanted && scanned < mostScanned) {
    const most = Math.min(atOnce, mostScanned - scanned);
    const rows = await scan(client, filter, last, most);
    found.push(...rows.filter(({ fits }) => fits));
    const end = rows.at(-1);
    const isLast = end === undefined || end.place < most;
    if (isLast && found.length < wanted)
      return { ...items(found), nextToken: undefined, searchedToMs: undefined };
    if (end === undefined) break;
    scanned += end.place;
    last = [end.last_us, end.sequence];
  }
  const kept = found.slice(0, page.size);
  const shown = kept.at(-1);
  const end: Position | undefined =
    found.length > page.size && shown !== undefined ? [shown.last_us, shown.sequence] : last;
  return {
    ...items(kept),
    nextToken: end && tokenAfter(page, list, end),
    searchedToMs: end && Math.floor(Number(end[0]) / 1000),
  };
}

function items(rows: readonly EventRow[]): Pick<ListedEvents, 'items'> {
  return { items: rows.map(storedEvent) };
}

/** Whether some of the events that are looked at may not be those that are looked for. */
function isSelective({ user, action, limit, subjects, target }: EventFilter): boolean {
  return [user, action, limit, target].some((one) => one !== undefined) || subjects.length > 0;
}

async function scan(
  client: Client,
  filter: EventFilter,
  after: Position | undefined,
  most: number,
): Promise<readonly ScannedEvent[]> {
  const [lastUs = null, sequence = null] = after ?? [];
  const { toMs = endOfTimeMs } = filter;
  // A row comparison of parameters that may be NULL is no bound for the index; this one is.
  const beforeMs = lastUs === null ? toMs : Math.min(toMs, Math.floor(Number(lastUs) / 1000) + 1);
  const values = [...valuesOf(filter, beforeMs), lastUs, sequence, most];
  const { rows } = await client.query<ScannedEvent>({ ...scanEvents, values });
  return rows;
}
