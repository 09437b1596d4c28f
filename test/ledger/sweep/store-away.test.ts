import { afterEach, beforeEach, expect, test } from 'vitest';
import { storeFailure } from '../../../src/db/errors.ts';
import type { ClosePlanner } from '../../../src/ledger/ledger.ts';
import { planEnd } from '../../support/replica-sweep.ts';
import { createSweepScene } from '../../support/sweep-scene.ts';
import type { SweepScene } from '../../support/sweep-scene.ts';

const unstopped = new AbortController().signal;
let scene: SweepScene;

beforeEach(async () => {
  scene = await createSweepScene();
});

afterEach(() => scene.end());

/** Plans, but for the first time, when the policies cannot be read. */
function failingOnce(code: string): ClosePlanner {
  let isFirst = true;
  return (stored, epoch) => {
    if (!isFirst) return planEnd(stored, epoch);
    isFirst = false;
    throw storeFailure(Object.assign(new Error('planted'), { code }));
  };
}

/*
 * Red when every failure to plan was the hold's own: after a moment without the store it was left alone for a
 * minute, and stayed open so long.
 */
test('a store that is away while holds are planned fails the pass, and the next one ends them', async () => {
  await scene.makeHolds('acme', 3);
  scene.replica.nowMs += 61_000;
  const sweep = scene.start({ plan: failingOnce('ECONNREFUSED') });
  await expect(sweep.pass(unstopped)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 3, stuck: 0 });
});

test('a hold that cannot be planned because the store is busy is left to the next pass', async () => {
  await scene.makeHolds('acme', 3);
  scene.replica.nowMs += 61_000;
  const sweep = scene.start({ plan: failingOnce('POOL_BUSY') });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 2, stuck: 0 });
  expect(await sweep.pass(unstopped)).toMatchObject({ ended: 1, stuck: 0 });
});
