import { expect, test } from 'vitest';
import { createCallMemory } from '../../../src/ledger/calls/call-memory.ts';
import type { KnownCall } from '../../../src/ledger/calls/known-call.ts';
import { servedBy } from '../../../src/core/served-by.ts';
import { callOf, viewOf } from '../../support/view.ts';
import { planCheck } from '../../../src/core/plan-check.ts';

const plan = planCheck(viewOf({}), callOf({ user: 'alice', input: 3n, output: 4n, cost: 5n }), 0);

function callWith(more: Partial<KnownCall>): KnownCall {
  return {
    orgId: 'acme',
    requestId: 'r1',
    state: 'OPEN',
    version: 1,
    writtenBy: 'p.1',
    priceEpochs: { own: 7, platform: 0 },
    path: plan.path,
    target: plan.target,
    served: plan.served,
    estimate: plan.estimate,
    held: plan.hold,
    ttlMs: 60_000,
    bookedAtMs: 1_773_133_200_000,
    expiresAtMs: 1_773_133_260_000,
    sequence: 0,
    content: { target: 'gpt-4o' },
    answer: { text: '[]', sums: [] },
    extends: [],
    closing: undefined,
    ...more,
  };
}

const usage = {
  target: plan.target,
  served: plan.served,
  input: 1n,
  output: 1n,
  reasoningOutput: 0n,
  cachedInput: 0n,
  cacheWrite: 0n,
  cacheWrite1h: 0n,
  units: [],
  cost: 1n,
  priceRevision: undefined,
  unpriced: false,
};
const closing = {
  content: {},
  usage,
  overHold: false,
  late: false,
  writtenBy: 'p.2',
  afterRelease: false,
  postPaid: false,
  unattributed: false,
  usageAssumed: false,
  warnings: [],
};

/* Planted once each, and seen red: a version of 1 for all, plain numbers for those beyond 2^53, who serves it
   left out. */
test.each<[string, Partial<KnownCall>]>([
  ['a new call', {}],
  [
    'one without output and cost',
    { estimate: { ...plan.estimate, output: undefined, cost: undefined } },
  ],
  ['one that was refused', { state: 'DENIED', held: { cost: 0n, input: 0n, output: 0n } }],
  [
    'one beyond plain numbers',
    { held: { cost: 2n ** 62n + 1n, input: 0n, output: 2n ** 53n + 1n } },
  ],
  ['one whose estimate is', { estimate: { ...plan.estimate, cachedInput: 2n ** 60n + 1n } }],
  ['one that names who serves it', { served: servedBy('azure', 'flex') }],
  ['one that was extended', { version: 2, sequence: 1 }],
  ['one that is settled', { state: 'SETTLED', version: 2, closing }],
])('%s is remembered as it stands, without content and answer', (_, more) => {
  const memory = createCallMemory(10);
  const call = callWith(more);
  memory.set(call);
  expect(memory.get('acme', 'r1')).toEqual({ ...call, content: undefined, answer: undefined });
  expect([memory.has('acme', 'r1'), memory.has('acme', 'r2')]).toEqual([true, false]);
  memory.forget('acme', 'r1');
  expect(memory.get('acme', 'r1')).toBeUndefined();
});

// Red with one memory in which the least used call of all organizations gives way.
test('an organization with any number of calls does not displace those of others', () => {
  const memory = createCallMemory(10);
  memory.set(callWith({ orgId: 'quiet' }));
  for (let number = 0; number < 30; number += 1) {
    memory.set(callWith({ orgId: 'flood', requestId: `r${number}` }));
  }
  expect(memory.has('quiet', 'r1')).toBe(true);
  expect(memory.has('flood', 'r0')).toBe(false);
  expect(memory.has('flood', 'r29')).toBe(true);
});
