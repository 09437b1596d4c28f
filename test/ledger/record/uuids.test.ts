import { expect, test } from 'vitest';
import { uuidsOf } from '../../../src/ledger/record/uuids.ts';

/* Seen red with one sequence number for all: they were in no order. */
test('ids of one call are UUIDs of version 7, each greater than the one before', () => {
  const ids = uuidsOf(1000, 1_700_000_000_000);
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(ids.filter((id) => !form.test(id))).toEqual([]);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(1000);
  expect(uuidsOf(0, 1)).toEqual([]);
});
