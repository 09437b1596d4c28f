import { expect, test } from 'vitest';
import type { ConsideredLimit } from '../../../src/core/outcome.ts';
import { servedBy } from '../../../src/core/served-by.ts';
import type { KnownClosing } from '../../../src/ledger/calls/closing-record.ts';
import { callTexts, knownCall } from '../../../src/ledger/calls/known-call.ts';
import { decodeOutcome } from '../../../src/ledger/calls/outcome-record.ts';

const row = {
  org_id: 'acme',
  request_id: 'r1',
  state: 'OPEN',
  version: '1',
  content: '',
  answer: '',
  sums: '{}',
  facts: '{}',
  held_cost: '0',
  held_input: '0',
  held_output: '0',
  booked_at: '0',
  expires_at: '0',
  extends: '[]',
  closing: null,
};
const detail = { epochs: [1, 0], path: {}, estimate: [], ttlMs: 0, sequence: 0, writtenBy: 's1' };

// Both seen red without the look at the form.
test('a call in a form that this release does not know is not read', () => {
  const of = (form: number) => knownCall({ ...row, detail: JSON.stringify({ form, ...detail }) });
  expect(of(1)).toMatchObject({ requestId: 'r1', priceEpochs: { own: 1, platform: 0 } });
  expect(() => of(2)).toThrow('a call has form 2; this release reads form 1');
});

test('an answer in a form that this release does not know is not read', () => {
  const { path } = knownCall({ ...row, detail: JSON.stringify({ form: 1, ...detail }) });
  expect(() => decodeOutcome({ text: '[2,true]', sums: [] }, path)).toThrow(
    'a kept answer has form 2; this release reads form 1',
  );
});

// Seen red: a row without the caller's part, which another replica would then price again.
test('a hold that was extended at a cost of the caller is read with that part, exact past 2^53', () => {
  const stored = knownCall({ ...row, detail: JSON.stringify({ form: 1, ...detail }) });
  const own = { ...stored.estimate, input: 2n ** 53n + 1n, output: 2n, cost: 2n ** 62n };
  const { detail: written } = callTexts({ ...stored, own });
  expect(knownCall({ ...row, detail: written })).toEqual({ ...stored, own });
  expect(callTexts(stored).detail).not.toContain('own');
});

const facts = {
  name: 'gpt-4o',
  kind: 'MODEL',
  provider: 'openai',
  groups: [],
  members: [],
} as const;
const factsRow = {
  ...row,
  facts: JSON.stringify(facts),
  detail: JSON.stringify({ form: 1, ...detail }),
};
const stored = knownCall(factsRow);
const usual: KnownClosing = {
  writtenBy: 'p.2',
  content: { 'usage.input_tokens': '1000', 'label.a': 'n:1' },
  usage: {
    cost: 2n ** 62n + 1n,
    input: 2n ** 53n + 1n,
    output: 3n,
    reasoningOutput: 4n,
    cachedInput: 5n,
    cacheWrite: 6n,
    cacheWrite1h: 7n,
    units: [],
    target: facts,
    served: { provider: 'openai', serviceTier: 'flex' },
    priceRevision: 'MODEL gpt-4o 1',
    unpriced: false,
  },
  overHold: false,
  late: false,
  afterRelease: false,
  postPaid: false,
  unattributed: false,
  usageAssumed: false,
  warnings: [],
};
const nearLimit: ConsideredLimit = {
  subject: { kind: 'org', id: '' },
  name: 'n:cap',
  revision: 1,
  meter: { subject: { kind: 'org', id: '' }, member: undefined, targets: [], name: 'org' },
  metric: 'COST',
  window: 'DAY',
  amount: 2n ** 60n,
  action: 'BLOCK',
  used: 2n ** 59n + 1n,
  held: 0n,
  ask: 0n,
  remaining: 1n,
  resetsAtMs: 5,
  status: 'NEAR',
  raised: undefined,
};
const differences: readonly [what: string, more: Partial<KnownClosing>][] = [
  ['as most are', {}],
  ...(
    ['overHold', 'late', 'afterRelease', 'postPaid', 'unattributed', 'usageAssumed'] as const
  ).map((mark): [string, Partial<KnownClosing>] => [mark, { [mark]: true }]),
  ['unpriced', { usage: { ...usual.usage, unpriced: true, priceRevision: undefined } }],
  ['another target', { usage: { ...usual.usage, target: { ...facts, name: 'o3' } } }],
  ['nobody named', { usage: { ...usual.usage, served: servedBy(undefined, undefined) } }],
  ['less than was charged', { usage: { ...usual.usage, cost: -1n, output: -(2n ** 60n) } }],
  ['units', { usage: { ...usual.usage, units: [{ name: 's:x', count: 2n ** 53n }] } }],
  ['a warning', { warnings: [nearLimit] }],
];

// Seen red: a mark that is not written, the target of the call in place of another one, units left out of a closing without
// warnings, and numbers that are read as numbers of JavaScript.
test.each(differences)('a closing is read as it was written: %s', (_what, more) => {
  const closing = { ...usual, ...more };
  const { closing: text } = callTexts({ ...stored, closing });
  expect(knownCall({ ...factsRow, closing: text }).closing).toEqual(closing);
});

// Seen red with the target written every time. Rows of calls stay short by this: see the schema.
test('the closing of a call does not repeat its target', () => {
  const copy = { ...facts };
  const { closing } = callTexts({
    ...stored,
    closing: { ...usual, usage: { ...usual.usage, target: copy } },
  });
  expect(closing).not.toContain('members');
});
