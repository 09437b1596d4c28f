import { expect, test } from 'vitest';
import { planCheck } from '../../../src/core/plan-check.ts';
import { windows } from '../../../src/core/policy.ts';
import { maxInt64 } from '../../../src/core/totals.ts';
import type { KnownCall } from '../../../src/ledger/calls/known-call.ts';
import { saturationEvents } from '../../../src/ledger/events/saturation-events.ts';
import { RunningTotals } from '../../../src/ledger/meters/running-totals.ts';
import { columns } from '../../../src/ledger/sql/apply-deltas.ts';
import { callOf, viewOf } from '../../support/view.ts';

const plan = planCheck(viewOf({}), callOf({ user: 'alice', input: 1n }), 0);
const call: KnownCall = {
  orgId: 'acme',
  requestId: 'r1',
  state: 'SETTLED',
  version: 1,
  writtenBy: 'p.1',
  priceEpochs: { own: 1, platform: 0 },
  path: plan.path,
  target: plan.target,
  served: plan.served,
  estimate: plan.estimate,
  held: plan.hold,
  ttlMs: 0,
  bookedAtMs: 0,
  expiresAtMs: 0,
  sequence: 0,
  content: undefined,
  answer: undefined,
  extends: [],
  closing: undefined,
};

function totalsWith(used: bigint): RunningTotals[] {
  const row = columns.map(({ name }) => (name.endsWith('_used_input') ? String(used) : '0'));
  return plan.meters.map(() => new RunningTotals(row));
}

// Red without the set: every call of a batch made all of the events again, and a thousand of them stopped all.
test('a batch reports a saturated meter once, however many of its calls are on it', () => {
  const told = new Set<RunningTotals>();
  const totals = totalsWith(maxInt64);
  const first = saturationEvents(call, plan.meters, totals, 0, told);
  expect(first).toHaveLength(plan.meters.length * windows.length);
  expect(saturationEvents(call, plan.meters, totals, 0, told)).toEqual([]);
});

test('a sum just below the bound is not reported', () => {
  expect(saturationEvents(call, plan.meters, totalsWith(maxInt64 - 1n), 0, new Set())).toEqual([]);
});
