import { afterEach, expect, test, vi } from 'vitest';
import { deadlineAfter, deadlineAt, withinDeadline } from '../../src/platform/deadline.ts';

const tenMinutesMs = 600_000;

afterEach(() => {
  vi.restoreAllMocks();
});

function stepWallClock(byMs: number): void {
  const nowMs = Date.now();
  vi.spyOn(Date, 'now').mockReturnValue(nowMs + byMs);
}

// Red when deadlines were instants of the wall clock: a step forward ended every call at once.
test('a step of the wall clock forward ends no call early', async () => {
  const deadlineMs = deadlineAfter(60_000);
  stepWallClock(tenMinutesMs);
  await expect(withinDeadline(() => Promise.resolve('answer'), deadlineMs)).resolves.toBe('answer');
});

// Red when deadlines were instants of the wall clock: a step back made a call wait ten minutes longer.
test('a step of the wall clock back keeps no call waiting', async () => {
  const deadlineMs = deadlineAfter(20);
  stepWallClock(-tenMinutesMs);
  const never = new Promise(() => undefined);
  await expect(withinDeadline(never, deadlineMs)).rejects.toMatchObject({
    reason: 'DEADLINE_EXCEEDED',
  });
});

test("a client's deadline is as far away as it was when it arrived", () => {
  const deadlineMs = deadlineAt(Date.now() + 5000);
  stepWallClock(tenMinutesMs);
  const leftMs = deadlineMs - performance.now();
  expect(leftMs).toBeGreaterThan(4000);
  expect(leftMs).toBeLessThanOrEqual(5001);
});

test('no deadline stays none', () => {
  expect(deadlineAt(Infinity)).toBe(Infinity);
});
