import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchReadiness } from '../../src/platform/readiness.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const second = () => vi.advanceTimersByTimeAsync(1000);

test('ready at the first answer, not ready after two failures in a row, ready again at the next answer', async () => {
  const told: boolean[] = [];
  let answers = true;
  const probe = () => (answers ? Promise.resolve() : Promise.reject(new Error('gone')));
  const readiness = watchReadiness(probe, (isReady) => told.push(isReady));
  expect(readiness.isReady()).toBe(false);
  await second();
  expect(told).toEqual([true]);
  answers = false;
  await second();
  expect(told).toEqual([true]);
  await second();
  expect(told).toEqual([true, false]);
  answers = true;
  await second();
  expect([readiness.isReady(), told]).toEqual([true, [true, false, true]]);
  await readiness.stop();
  answers = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(readiness.isReady()).toBe(true);
});
