import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFailedSignIns } from '../../src/connections/failed-sign-ins.ts';

let nowMs = 0;
let logged: unknown[] = [];
let registry: Registry;
beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  logged = [];
  registry = new Registry();
});
afterEach(() => vi.useRealTimers());

function open() {
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  return createFailedSignIns({ registry, log, monotonicMs: () => nowMs });
}

/** Lets time pass, for timers too. */
function pass(ms: number): void {
  nowMs += ms;
  vi.advanceTimersByTime(ms);
}

/** Fails once, and says after how long it was refused, to 10 ms. */
function refusedAfter(signIns: ReturnType<typeof open>, source: string, mostMs?: number): number {
  let isRefused = false;
  signIns.refuse(source, 'data', () => (isRefused = true), mostMs);
  for (let waitedMs = 0; ; waitedMs += 10) {
    if (isRefused) return waitedMs;
    vi.advanceTimersByTime(10);
  }
}

// Red without the free failures.
test('ten failures are refused at once, each more waits longer, up to a second', () => {
  const signIns = open();
  const waits = Array.from({ length: 40 }, () => refusedAfter(signIns, 'a'));
  expect(waits.slice(0, 10)).toEqual(Array<number>(10).fill(0));
  expect(waits.slice(10, 13)).toEqual([50, 100, 150]);
  expect(waits.slice(30)).toEqual(Array<number>(10).fill(1000));
});

// Red with failures that are never forgiven, and with failures that are counted without a bound.
test('it ends by itself: a source that fails no more is as new after a minute', () => {
  const signIns = open();
  for (let failure = 0; failure < 100; failure += 1) refusedAfter(signIns, 'a');
  pass(60_000);
  expect(refusedAfter(signIns, 'a')).toBe(0);
});

test('sources are counted apart, and a client that waits shortly is answered in its time', () => {
  const signIns = open();
  for (let failure = 0; failure < 100; failure += 1) refusedAfter(signIns, 'a');
  expect(refusedAfter(signIns, 'b')).toBe(0);
  expect(refusedAfter(signIns, 'a', 200)).toBe(200);
});

// Red without the bound of a source: refusals held every connection that it may have.
test('at most 32 refusals of a source wait, and a thousand of all; more are refused at once', () => {
  const signIns = open();
  const waiting = new Map<string, number>();
  const fail = (source: string): void => {
    waiting.set(source, (waiting.get(source) ?? 0) + 1);
    signIns.refuse(source, 'data', () => waiting.set(source, (waiting.get(source) ?? 0) - 1));
  };
  for (let source = 0; source < 100; source += 1) {
    for (let failure = 0; failure < 60; failure += 1) fail(`s${source}`);
  }
  expect(Math.max(...waiting.values())).toBe(32);
  expect([...waiting.values()].reduce((sum, one) => sum + one)).toBe(1000);
  pass(1000);
  expect(Math.max(...waiting.values())).toBe(0);
});

// Red without forgetting the oldest.
test('ten thousand sources are remembered', () => {
  const signIns = open();
  for (let failure = 0; failure < 12; failure += 1) refusedAfter(signIns, 'first');
  for (let source = 0; source < 9_999; source += 1) refusedAfter(signIns, `s${source}`);
  expect(refusedAfter(signIns, 'first')).toBeGreaterThan(0);
  for (let source = 0; source < 10_000; source += 1) refusedAfter(signIns, `t${source}`);
  expect(refusedAfter(signIns, 'first')).toBe(0);
});

test('a slowed source is counted, and logged once a minute', async () => {
  const signIns = open();
  for (let failure = 0; failure < 30; failure += 1) refusedAfter(signIns, 'a');
  expect(logged).toMatchObject([{ source: 'a', port: 'data', level: 40 }]);
  pass(60_001);
  for (let failure = 0; failure < 30; failure += 1) refusedAfter(signIns, 'a');
  expect(logged).toHaveLength(2);
  const text = await registry.metrics();
  expect(text).toContain('tollgate_sign_ins_failed_total{port="data"} 60');
  expect(text).toContain('tollgate_sign_ins_delayed_total{port="data"} 40');
});
