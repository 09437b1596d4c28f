import { afterEach, expect, test, vi } from 'vitest';
import { createDatabaseClock } from '../../src/platform/database-clock.ts';
import { createRandom } from '../support/random.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A database whose clock is `offsetMs` ahead of the monotonic one, and a clock that follows it. */
function startClock() {
  const world = { monotonicMs: 1000, offsetMs: 1_800_000_000_000 };
  const clock = createDatabaseClock(() => world.monotonicMs);
  return {
    world,
    clock,
    /** The request takes so long on its way, and its answer so long on the way back. */
    read: (thereMs: number, backMs: number): void => {
      const sentMs = world.monotonicMs;
      const databaseNowMs = Math.floor(sentMs + thereMs + world.offsetMs);
      world.monotonicMs += thereMs + backMs;
      clock.read({ databaseNowMs, sentMs, receivedMs: world.monotonicMs });
    },
    errorMs: () => clock.nowMs() - (world.monotonicMs + world.offsetMs),
  };
}

test('there is no time before the first reading', () => {
  expect(() => createDatabaseClock().nowMs()).toThrow('not read yet');
});

// Red on a clock that believed the newest reading: after a pause of 7.6 s it was 7.6 s late.
test('a reading whose answer was seen late, after a pause, does not spoil the estimate', () => {
  const { read, errorMs } = startClock();
  read(1, 1);
  read(1, 7600);
  expect(Math.abs(errorMs())).toBeLessThanOrEqual(10);
});

// Red on a clock over the wall clock of the process.
test('a step of the wall clock of the process changes nothing', () => {
  const { read, errorMs } = startClock();
  read(1, 1);
  const nowMs = Date.now();
  vi.spyOn(Date, 'now').mockReturnValue(nowMs + 600_000);
  expect(Math.abs(errorMs())).toBeLessThanOrEqual(2);
});

test('a step of the database clock is followed at the next reading, in both directions', () => {
  const { world, read, errorMs } = startClock();
  read(1, 1);
  for (const stepMs of [600_000, -1_200_000, 50]) {
    world.offsetMs += stepMs;
    read(2, 3);
    expect(Math.abs(errorMs())).toBeLessThanOrEqual(5);
  }
});

test('whatever the delays, the error is at most half of the shortest round trip since the last step', () => {
  const random = createRandom();
  for (let run = 0; run < 200; run += 1) {
    const { world, read, errorMs } = startClock();
    let shortestMs = Infinity;
    for (let step = 0; step < 30; step += 1) {
      const [thereMs, backMs] = [random.between(0, 40), random.between(0, 40)];
      shortestMs = Math.min(shortestMs, thereMs + backMs);
      read(thereMs, backMs);
      // What the two clocks may have drifted apart in the meantime counts on top, and whole milliseconds.
      const driftMs = 0.001 * 80 * 31;
      expect(Math.abs(errorMs())).toBeLessThanOrEqual(shortestMs / 2 + driftMs + 2);
      world.monotonicMs += random.between(0, 10);
    }
  }
});
