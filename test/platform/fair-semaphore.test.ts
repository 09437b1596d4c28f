import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFairSemaphore } from '../../src/platform/fair-semaphore.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const short = fc.integer({ min: 0, max: 3 });

// Planted: a place that is given back before it is passed on lets one too many in: red.
test('never more tasks run than may, all run in their order, and each has its own end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.record({ fails: fc.boolean(), turns: short, later: short }), { maxLength: 20 }),
      async (most, tasks) => {
        // One organization alone has half of the places.
        const gate = createFairSemaphore({ most: 2 * most - 1 });
        const begun: number[] = [];
        let inside = 0;
        let highest = 0;
        const run = (index: number, turns: number, fails: boolean) => async (): Promise<number> => {
          begun.push(index);
          inside += 1;
          highest = Math.max(highest, inside);
          for (let waited = 0; waited < turns; waited += 1) await turn();
          inside -= 1;
          if (fails) throw new Error(`${index}`);
          return index;
        };
        const failing: Promise<boolean>[] = [];
        for (const [index, { turns, fails, later }] of tasks.entries()) {
          const passed = gate.pass('acme', run(index, turns, fails));
          failing.push(
            passed.then(
              (answer) => answer !== index,
              (error: Error) => error.message === `${index}`,
            ),
          );
          for (let waited = 0; waited < later; waited += 1) await turn();
        }
        const failed = await Promise.all(failing);
        expect(highest).toBeLessThanOrEqual(most);
        expect(begun).toEqual(tasks.map((_, index) => index));
        expect(failed).toEqual(tasks.map(({ fails }) => fails));
      },
    ),
    { numRuns: 50 },
  );
});

// Planted: one order of arrival for all organizations: red.
test('an organization waits for its share, not for the tasks of another that came before', async () => {
  const gate = createFairSemaphore({ most: 4 });
  const ended: string[] = [];
  const task = (name: string) => async (): Promise<void> => {
    for (let waited = 0; waited < 3; waited += 1) await turn();
    ended.push(name);
  };
  const busy = Array.from({ length: 50 }, () => gate.pass('busy', task('busy')));
  const quiet = gate.pass('quiet', task('quiet'));
  await quiet;
  expect(ended.filter((name) => name === 'busy').length).toBeLessThanOrEqual(2);
  await Promise.all(busy);
});

test('no more tasks of an organization wait than may, and others are not refused for it', async () => {
  const gate = createFairSemaphore({ most: 2, mostWaiting: 3, full: () => new Error('full') });
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const busy = Array.from({ length: 10 }, () => gate.pass('busy', () => end));
  const others = ['one', 'two'].map((orgId) => gate.pass(orgId, () => Promise.resolve(orgId)));
  resolve();
  const results = await Promise.allSettled(busy);
  expect(results.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 4 }, () => 'fulfilled'),
    ...Array.from({ length: 6 }, () => 'rejected'),
  ]);
  expect(await Promise.all(others)).toEqual(['one', 'two']);
});
