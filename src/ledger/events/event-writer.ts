import { v7 as uuidv7 } from 'uuid';
import type { Raised } from '../../core/raise.ts';
import { arrayLiteral } from '../../db/wire/array-literal.ts';
import { plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import type { EventRecord } from './event-record.ts';
import type { FlightStatement, Parameter } from '../../db/wire/flight.ts';
import { raisedForm } from '../calls/raised-form.ts';
import { claimWindows, insertEvents } from '../sql/write-events.ts';

/** Turns a batch's events into statements. */
export interface EventWriter {
  /** Undefined when nothing is left to write: all of them are written once in a window, and were. */
  prepare(events: readonly EventRecord[]): PreparedEvents | undefined;
}

/** Events on their way: the statements, and what to call once it is committed. */
export interface PreparedEvents {
  readonly statements: readonly FlightStatement[];
  committed(): void;
}

/** Equal events that are written one by one in a second; what comes after is folded. */
const aloneInASecond = 10;
const maxRemembered = 50_000;

interface Row {
  readonly event: EventRecord;
  readonly id: string;
  readonly atMs: number;
  occurrences: bigint;
}

/** Creates the writer; what it remembers only spares writes, never decides. */
export function createEventWriter(): EventWriter {
  let second = -1;
  const written = new Map<string, number>();
  const remembered = new Set<string>();

  /** Where an event goes: a row of its own, or the fold of its limit, meter, action, user and second. */
  function place(event: EventRecord): { id: string; atMs: number } {
    const now = Math.floor(event.atMs / 1000);
    if (now !== second) {
      second = now;
      written.clear();
    }
    const { sum, limit } = event;
    if (event.action === 'EXPIRED' || sum?.onceInWindowMs !== undefined)
      return { id: uuidv7(), atMs: event.atMs };
    const key = `${event.action} ${limit?.name ?? ''} ${sum?.meter ?? ''} ${event.user ?? ''}`;
    const inOrg = `${event.orgId} ${key}`;
    const count = (written.get(inOrg) ?? 0) + 1;
    written.set(inOrg, count);
    if (count <= aloneInASecond) return { id: uuidv7(), atMs: event.atMs };
    return { id: `fold ${key}`, atMs: now * 1000 };
  }

  return {
    prepare(events) {
      const rows = new Map<string, Row>();
      const marks = new Set<string>();
      for (const event of events) {
        const mark = onceMark(event);
        if (mark !== undefined && (remembered.has(mark) || marks.has(mark))) continue;
        if (mark !== undefined) marks.add(mark);
        const { id, atMs } = place(event);
        const key = `${event.orgId} ${atMs} ${id}`;
        const known = rows.get(key);
        rows.delete(key);
        rows.set(key, { event, id, atMs, occurrences: (known?.occurrences ?? 0n) + 1n });
      }
      if (rows.size === 0) return undefined;
      return {
        statements: statementsOf([...rows.values()]),
        committed() {
          if (remembered.size + marks.size > maxRemembered) remembered.clear();
          for (const mark of marks) remembered.add(mark);
        },
      };
    },
  };
}

/** What an event is written once for: limit and threshold if any, meter and window; undefined for other events. */
function onceMark({ orgId, sum, limit }: EventRecord): string | undefined {
  if (sum?.onceInWindowMs === undefined) return undefined;
  const { meter, window, onceInWindowMs } = sum;
  return [orgId, limit?.name, limit?.threshold, meter, window, onceInWindowMs].join(' ');
}

function statementsOf(rows: readonly Row[]): readonly FlightStatement[] {
  const insert = { ...insertEvents, values: parameters(rows) };
  const once = rows.filter(({ event }) => event.sum?.onceInWindowMs !== undefined);
  return once.length === 0 ? [insert] : [{ ...claimWindows, values: claims(once) }, insert];
}

function claims(rows: readonly Row[]): Parameter[] {
  const sums = rows.map((row) => row.event.sum);
  return [
    textArray(rows.map((row) => row.event.orgId)),
    textArray(rows.map((row) => row.id)),
    textArray(rows.map((row) => row.event.limit?.name ?? '')),
    textArray(sums.map((sum) => sum?.meter ?? '')),
    plainArray(rows.map((row) => row.event.limit?.threshold ?? 0)),
    textArray(sums.map((sum) => sum?.window ?? '')),
    plainArray(sums.map((sum) => sum?.onceInWindowMs ?? 0)),
  ];
}

function parameters(rows: readonly Row[]): Parameter[] {
  const limits = rows.map((row) => row.event.limit);
  const sums = rows.map((row) => row.event.sum);
  return [
    textArray(rows.map((row) => row.event.orgId)),
    plainArray(rows.map((row) => row.atMs)),
    textArray(rows.map((row) => row.id)),
    textArray(rows.map(() => uuidv7())),
    plainArray(rows.map((row) => row.occurrences)),
    textArray(rows.map((row) => row.event.action)),
    textArray(rows.map((row) => row.event.requestId)),
    textArray(rows.map((row) => arrayLiteral(row.event.subjects))),
    textArray(rows.map((row) => row.event.user ?? null)),
    textArray(limits.map((limit) => limit?.subject ?? null)),
    textArray(limits.map((limit) => limit?.name ?? '')),
    plainArray(limits.map((limit) => limit?.revision ?? null)),
    textArray(sums.map((sum) => sum?.meter ?? null)),
    textArray(sums.map((sum) => sum?.metric ?? null)),
    textArray(sums.map((sum) => sum?.window ?? null)),
    plainArray(sums.map((sum) => sum?.onceInWindowMs ?? null)),
    plainArray(sums.map((sum) => sum?.spend ?? null)),
    plainArray(limits.map((limit) => limit?.amount ?? null)),
    plainArray(limits.map((limit) => limit?.ask ?? null)),
    plainArray(limits.map((limit) => limit?.threshold ?? null)),
    plainArray(rows.map((row) => row.event.atMs)),
    textArray(limits.map((limit) => raisesText(limit?.raised))),
    textArray(rows.map((row) => row.event.target)),
  ];
}

function raisesText(raised: Raised | undefined): string | null {
  return raised === undefined ? null : JSON.stringify(raisedForm(raised));
}
