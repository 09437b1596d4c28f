import type { ClientBase } from 'pg';
import type { TargetFacts } from '../../core/call.ts';
import { meterOf } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { windows } from '../../core/policy.ts';
import { targetMatches } from '../../core/target.ts';
import type { WindowStarts } from '../meters/call-delta.ts';
import { dayOf } from './recorded-day.ts';
import { counters, deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';
import { sumLedger } from '../sql/sum-ledger.ts';

/**
 * Meters of one organization as the record says they should be, in their order, in the columns of
 * `apply-deltas`, starts included. One statement, however many meters.
 */
export async function ledgerSums(
  client: Pick<ClientBase, 'query'>,
  orgId: string,
  meters: readonly Meter[],
  starts: WindowStarts,
): Promise<bigint[][]> {
  if (meters.length === 0) return [];
  const { midnights, spans } = boundsOf(starts);
  const bases = [...new Set(meters.map(baseOf))];
  const users = usersOf(meters);
  const parameters = [orgId, bases, ending(starts), midnights, ...spans];
  const { rows } = await client.query<EntryRow>({
    ...(users === undefined ? sumLedger.ofAny : sumLedger.ofUsers),
    values: users === undefined ? parameters : [...parameters, users],
    rowMode: 'array',
  });
  return sumsOf(meters, starts, rows);
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

/**
 * All meters of an organization as the record says they should be in the windows that end, in the columns of
 * `apply-deltas`; what they say of LIFETIME is not all.
 */
export async function windowSums(
  client: ClientBase,
  orgId: string,
  starts: WindowStarts,
): Promise<(meter: Meter) => bigint[]> {
  const { midnights, spans } = boundsOf(starts);
  const { rows } = await client.query<EntryRow>({
    ...sumLedger.ofAll,
    values: [orgId, dayOf(Math.min(...midnights)), ending(starts), midnights, ...spans],
    rowMode: 'array',
  });
  const entries = entriesByBase(rows);
  const matches = createMatches();
  return (meter) => sumOf(meter, starts, entries.get(baseOf(meter)) ?? [], matches);
}

/** A row of `sum-ledger`. */
type EntryRow = [base: string, facts: string, inFlight: string, ...sums: string[]];

/** The name of the meter that a meter narrows. */
function baseOf(meter: Meter): string {
  return meterOf(meter.subject, [], meter.member).name;
}

const dayMs = 86_400_000;

/** The starts of the windows that end. */
function ending(starts: WindowStarts): readonly number[] {
  return starts.slice(0, windows.length - 1);
}

/** The midnight (UTC) that each start is followed by, and the spans between them, merged: begins and ends. */
function boundsOf(starts: WindowStarts): {
  readonly midnights: readonly number[];
  readonly spans: readonly [readonly number[], readonly number[]];
} {
  const midnights: number[] = [];
  const begins = new Map<number, number>();
  for (const start of ending(starts)) {
    const midnight = Math.ceil(start / dayMs) * dayMs;
    midnights.push(midnight);
    if (start < midnight) begins.set(midnight, Math.min(start, begins.get(midnight) ?? start));
  }
  return { midnights, spans: [[...begins.values()], [...begins.keys()]] };
}

/** A row with the facts of its target read. */
interface Entry {
  readonly target: TargetFacts;
  readonly inFlight: string;
  readonly sums: readonly string[];
}

/** The rows of each base meter; each text of facts is read once. */
function entriesByBase(rows: readonly EntryRow[]): ReadonlyMap<string, readonly Entry[]> {
  const targets = new Map<string, TargetFacts>();
  const entries = new Map<string, Entry[]>();
  for (const [base, facts, inFlight, ...sums] of rows) {
    const target = targets.get(facts) ?? (JSON.parse(facts) as TargetFacts);
    targets.set(facts, target);
    const ofBase = entries.get(base);
    if (ofBase === undefined) entries.set(base, [{ target, inFlight, sums }]);
    else ofBase.push({ target, inFlight, sums });
  }
  return entries;
}

/** Whether a list of targets names a target; worked out once for each pair. */
type Matches = (targets: readonly string[], target: TargetFacts) => boolean;

function createMatches(): Matches {
  const lists = new Map<string, Map<TargetFacts, boolean>>();
  return (targets, target) => {
    if (targets.length === 0) return true;
    const name = targets.join(' ');
    const known = lists.get(name) ?? new Map<TargetFacts, boolean>();
    lists.set(name, known);
    const isMatch = known.get(target) ?? targetMatches(targets, target);
    known.set(target, isMatch);
    return isMatch;
  };
}

function sumsOf(
  meters: readonly Meter[],
  starts: WindowStarts,
  rows: readonly EntryRow[],
): bigint[][] {
  const entries = entriesByBase(rows);
  const matches = createMatches();
  return meters.map((meter) => sumOf(meter, starts, entries.get(baseOf(meter)) ?? [], matches));
}

function sumOf(
  meter: Meter,
  starts: WindowStarts,
  entries: readonly Entry[],
  matches: Matches,
): bigint[] {
  const values = emptyRow(starts);
  for (const { target, inFlight, sums } of entries) {
    if (!matches(meter.targets, target)) continue;
    values[0] = (values[0] ?? 0n) + BigInt(inFlight);
    addSums(values, sums);
  }
  return values;
}

/** A row that counts nothing, in the windows that are given. */
export function emptyRow(starts: WindowStarts): bigint[] {
  const values = Array.from({ length: deltaWidth }, () => 0n);
  for (const [index, offset] of windowOffsets.entries()) {
    if (offset.start >= 0) values[offset.start] = BigInt(starts[index] ?? 0);
  }
  return values;
}

function addSums(values: bigint[], sums: readonly string[]): void {
  for (const [index, offset] of windowOffsets.entries()) {
    for (let at = 0; at < counters.length; at += 1) {
      const sum = BigInt(sums[index * counters.length + at] ?? 0);
      values[offset.counters + at] = (values[offset.counters + at] ?? 0n) + sum;
    }
  }
}
