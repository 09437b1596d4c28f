import type { ClientBase } from 'pg';
import type { TargetFacts } from '../../core/call.ts';
import { meterOf } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { countsOn } from '../../core/usage-change.ts';
import type { CountsOnly } from '../../core/counts-only.ts';
import { counters } from '../sql/apply-deltas.ts';
import { readMark, sumRecord } from '../sql/sum-record.ts';
import { longestDayMs, quarterMs } from './quarters.ts';

/** What the record says of a meter in one part of time. `sums` stand in the order of a meter's counters. */
export interface PartSums {
  readonly inFlight: bigint;
  readonly sums: readonly bigint[];
}

/** Between which instants the record is read. */
export interface Parts {
  /** Milliseconds since 1970, ascending, each once, at least one. They cut time into one part more. */
  readonly cutsMs: readonly number[];
  /** What was booked before it need not be read; without it all is. */
  readonly fromMs?: number;
}

/** What counts in some windows only. */
export interface OnlySums {
  readonly part: number;
  readonly only: CountsOnly;
  readonly sums: readonly bigint[];
}

/** The sums of a meter in each part: 0 is before the first instant, n begins with the nth. */
export interface MeterParts {
  readonly parts: readonly PartSums[];
  /** Beside them, in no order. */
  readonly only: readonly OnlySums[];
}

/** What was read of a meter. */
export type PartsOf = (meter: Meter) => MeterParts;

const dayMs = 86_400_000;

/**
 * Reads what the record says of meters of an organization between some instants. Exact for every instant as long as
 * single usage rows are kept, for quarters of an hour (and so for the hours of every time zone) as long as their sums
 * are, and then for the days that the organization had when they were rolled up: such a day counts wholly where it begins.
 */
export async function readParts(
  client: Pick<ClientBase, 'query'>,
  orgId: string,
  meters: readonly Meter[] | 'all',
  parts: Parts,
): Promise<PartsOf> {
  const bases = meters === 'all' ? [] : [...new Set(meters.map(baseOf))];
  const users = meters === 'all' ? undefined : usersOf(meters);
  // It may have moved by the time of the sums, which read it again: it only spares them the plan of old partitions.
  const { rows: marks } = await client.query<{ rolled_to: string }>({
    ...readMark,
    values: [orgId],
  });
  const mark = marks[0]?.rolled_to ?? '-infinity';
  const { rows } = await client.query<EntryRow>({
    ...statementOf(meters === 'all', users !== undefined),
    values: [
      orgId,
      bases,
      ...boundsOf(parts),
      mark,
      spansOf(parts.cutsMs),
      ...(users === undefined ? [] : [users]),
    ],
    rowMode: 'array',
  });
  const entries = entriesByBase(rows);
  const matches = createMatches();
  const count = parts.cutsMs.length + 1;
  return (meter) => partsOf(meter, entries.get(baseOf(meter)) ?? [], matches, count);
}

function statementOf(isOfAll: boolean, isOfUsers: boolean): { readonly text: string } {
  if (isOfAll) return sumRecord.ofAll;
  return isOfUsers ? sumRecord.ofUsers : sumRecord.ofAny;
}

/** Parameters 3 to 7 of `sum-record`. */
function boundsOf({ cutsMs, fromMs }: Parts): unknown[] {
  const cutQuarters = new Set(
    cutsMs.filter((at) => at % quarterMs !== 0).map((at) => Math.floor(at / quarterMs) * quarterMs),
  );
  // A row is recorded after it was booked, but for a clock that was set back a little in between.
  const recordedAfterMs = Math.min(...cutQuarters) - dayMs;
  return [
    cutsMs,
    cutsMs.map(timestamp),
    [...cutQuarters].map(timestamp),
    Number.isFinite(recordedAfterMs) ? timestamp(recordedAfterMs) : 'infinity',
    fromMs === undefined ? '-infinity' : timestamp(fromMs),
  ];
}

/** Three spans that every day that is cut lies in, begin and end in turn: the fewer partitions, the faster the plan. */
function spansOf(cutsMs: readonly number[]): string[] {
  const spans: { readonly from: number; to: number }[] = [];
  for (const at of cutsMs) {
    const last = spans.at(-1);
    if (last !== undefined && (spans.length === mostSpans || at - longestDayMs <= last.to)) {
      last.to = at + longestDayMs;
    } else spans.push({ from: at - longestDayMs, to: at + longestDayMs });
  }
  const empty = { from: 0, to: 0 };
  const all = Array.from({ length: mostSpans }, (_, index) => spans[index] ?? empty);
  return all.flatMap(({ from, to }) => [timestamp(from), timestamp(to)]);
}

const mostSpans = 3;

function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** The users whose calls alone the meters count; undefined where one counts the calls of others too. */
function usersOf(meters: readonly Meter[]): readonly string[] | undefined {
  const users = new Set<string>();
  for (const { subject, member } of meters) {
    const user = subject.kind === 'user' ? subject.id : member;
    if (user === undefined) return undefined;
    users.add(user);
  }
  return [...users];
}

/** A row of `sum-record`. */
type EntryRow = [base: string, facts: string, part: number, inFlight: string, ...sums: string[]];

/** The name of the meter that a meter narrows. */
function baseOf(meter: Meter): string {
  return meterOf(meter.subject, [], meter.member).name;
}

/** A row with the facts of its target read. */
interface Entry {
  readonly target: TargetFacts;
  readonly part: number;
  readonly inFlight: string;
  readonly sums: readonly string[];
}

/** The rows of each base meter; each text of facts is read once. */
function entriesByBase(rows: readonly EntryRow[]): ReadonlyMap<string, readonly Entry[]> {
  const targets = new Map<string, TargetFacts>();
  const entries = new Map<string, Entry[]>();
  for (const [base, facts, part, inFlight, ...sums] of rows) {
    const target = targets.get(facts) ?? (JSON.parse(facts) as TargetFacts);
    targets.set(facts, target);
    const ofBase = entries.get(base);
    const entry = { target, part, inFlight, sums };
    if (ofBase === undefined) entries.set(base, [entry]);
    else ofBase.push(entry);
  }
  return entries;
}

/** Whether a list of targets lets a target count; worked out once for each pair. */
type Matches = (targets: readonly string[], target: TargetFacts) => boolean;

function createMatches(): Matches {
  const lists = new Map<string, Map<TargetFacts, boolean>>();
  return (targets, target) => {
    if (targets.length === 0 && target.only === undefined) return true;
    const name = targets.join(' ');
    const known = lists.get(name) ?? new Map<TargetFacts, boolean>();
    lists.set(name, known);
    const isMatch = known.get(target) ?? countsOn(targets, target);
    known.set(target, isMatch);
    return isMatch;
  };
}

function partsOf(
  meter: Meter,
  entries: readonly Entry[],
  matches: Matches,
  count: number,
): MeterParts {
  const parts = Array.from({ length: count }, () => ({
    inFlight: 0n,
    sums: counters.map(() => 0n),
  }));
  const only: OnlySums[] = [];
  for (const { target, part: at, inFlight, sums } of entries) {
    const part = parts[at];
    if (part === undefined || !matches(meter.targets, target)) continue;
    if (target.only !== undefined) {
      only.push({ part: at, only: target.only, sums: sums.map(BigInt) });
      continue;
    }
    part.inFlight += BigInt(inFlight);
    for (const [index, sum] of sums.entries()) {
      part.sums[index] = (part.sums[index] ?? 0n) + BigInt(sum);
    }
  }
  return { parts, only };
}
