import { expect, test } from 'vitest';
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
const detail = { epoch: 1, path: {}, estimate: [], ttlMs: 0, sequence: 0, writtenBy: 's1' };

// Both seen red without the look at the form.
test('a call in a form that this release does not know is not read', () => {
  const of = (form: number) => knownCall({ ...row, detail: JSON.stringify({ form, ...detail }) });
  expect(of(1)).toMatchObject({ requestId: 'r1', epoch: 1 });
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
