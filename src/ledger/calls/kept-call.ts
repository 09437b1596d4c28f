import type { PoolClient } from 'pg';
import { pathSubjects } from '../../core/path.ts';
import { parseSubject } from '../../core/subject.ts';
import { unitsOf } from '../../core/units.ts';
import type { CallEntry, CallSummary, KeptCall } from '../../service/admin/calls.ts';
import type { StoredEvent } from '../../service/admin/events.ts';
import { storedEvent } from '../events/stored-event.ts';
import { childrenOfCall, entriesOfCalls, policiesAtEpoch } from '../sql/kept-calls.ts';
import type { EntryRow, PolicyAtEpochRow } from '../sql/kept-calls.ts';
import { eventsOfCall } from '../sql/list-events.ts';
import type { EventRow } from '../sql/list-events.ts';
import { callRow } from '../sql/read-state.ts';
import { knownCall } from './known-call.ts';
import type { KnownCall } from './known-call.ts';
import { recordedSince, summariesOf } from './summaries.ts';

type Client = Pick<PoolClient, 'query'>;

const mostChildren = 100;
/** How far the time at which a settlement is recorded may be from that of its events. */
const recordToleranceMs = 5000;

/** Reads what is kept of a call beside its row. */
export async function keptCall(client: Client, call: KnownCall): Promise<KeptCall> {
  const [summary] = await summariesOf(client, call.orgId, [call]);
  if (summary === undefined) throw new Error('a call has no summary');
  const entries = await entriesOf(client, call);
  const { content, priceEpochs, expiresAtMs } = call;
  const wasHeld = summary.outcome?.expiresAtMs !== undefined;
  return {
    ...summary,
    asked: shown(content),
    epoch: priceEpochs.own,
    expiresAtMs: wasHeld ? expiresAtMs : undefined,
    policies: await policiesOf(client, call),
    extends: call.extends.map((one) => ({ ...one, asked: shown(one.content) })),
    settlement: call.closing && {
      ...call.closing,
      asked: shown(call.closing.content),
    },
    entries,
    events: await eventsOf(client, call, summary, entries),
    children: await childrenOf(client, call),
  };
}

/** A request as it was said, without the hash of its secret. */
function shown(content: KnownCall['content']): KeptCall['asked'] {
  if (content?.['credential'] === undefined) return content ?? {};
  return { ...content, credential: 'presented' };
}

async function entriesOf(client: Client, call: KnownCall): Promise<readonly CallEntry[]> {
  const { orgId, requestId, bookedAtMs } = call;
  const values = [orgId, [bookedAtMs], [requestId], recordedSince(bookedAtMs)];
  const { rows } = await client.query<EntryRow>({ ...entriesOfCalls, values });
  return rows.map((row) => ({
    kind: row.kind,
    recordedAtMs: Number(row.recorded_ms),
    bookedAtMs: Number(row.booked_at),
    cost: BigInt(row.cost),
    input: BigInt(row.input),
    output: BigInt(row.output),
    requests: BigInt(row.requests),
    units: unitsOf(
      Object.entries(JSON.parse(row.units ?? '{}') as Record<string, number>).map(
        ([name, count]) => ({ name, count: BigInt(count) }),
      ),
    ),
  }));
}

async function policiesOf(client: Client, call: KnownCall): Promise<KeptCall['policies']> {
  const subjects = pathSubjects(call.path);
  const values = [
    call.orgId,
    subjects.map(({ kind }) => kind),
    subjects.map(({ id }) => id),
    call.priceEpochs.own,
  ];
  const { rows } = await client.query<PolicyAtEpochRow>({ ...policiesAtEpoch, values });
  return rows.flatMap(({ kind, id, revision }) => {
    const subject = parseSubject(id === '' ? kind : `${kind}:${id}`);
    return subject === undefined ? [] : [{ subject, revision }];
  });
}

/** Events are found by when they happened: at the Check, at an Extend, or when something was recorded. */
async function eventsOf(
  client: Client,
  call: KnownCall,
  { outcome }: CallSummary,
  entries: readonly CallEntry[],
): Promise<readonly StoredEvent[]> {
  const decided = [outcome, ...call.extends.map((one) => one.outcome)].flatMap((one) =>
    one === undefined ? [] : [{ fromMs: one.decidedAtMs, toMs: one.decidedAtMs + 1 }],
  );
  const recorded = entries.map(({ recordedAtMs }) => ({
    fromMs: recordedAtMs - recordToleranceMs,
    toMs: recordedAtMs + recordToleranceMs,
  }));
  const spans = withoutOverlap([...decided, ...recorded]);
  const values = [
    call.orgId,
    call.requestId,
    spans.map(({ fromMs }) => fromMs),
    spans.map(({ toMs }) => toMs),
  ];
  const { rows } = await client.query<EventRow>({ ...eventsOfCall, values });
  return rows.map(storedEvent);
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

function withoutOverlap(spans: readonly Span[]): readonly Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (last === undefined || span.fromMs > last.toMs) joined.push(span);
    else joined.splice(-1, 1, { ...last, toMs: Math.max(last.toMs, span.toMs) });
  }
  return joined;
}

async function childrenOf(
  client: Client,
  { orgId, requestId }: KnownCall,
): Promise<readonly CallSummary[]> {
  const values = [orgId, requestId, mostChildren];
  const { rows } = await client.query<(string | null)[]>({
    ...childrenOfCall,
    values,
    rowMode: 'array',
  });
  return summariesOf(
    client,
    orgId,
    rows.map((row) => knownCall(callRow(row))),
  );
}
