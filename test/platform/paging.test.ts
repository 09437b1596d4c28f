import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { pageOf, positionOf } from '../../src/platform/paging.ts';

const list = 'acme/events';

/** A token as this list would make it, whatever its position says. */
function tokenFor(...position: string[]): string {
  const text = JSON.stringify([list, '', ...position]);
  const mark = createHash('sha256').update(text).digest('base64url').slice(0, 8);
  return Buffer.from(JSON.stringify([mark, ...position])).toString('base64url');
}

function read(token: string): readonly string[] | undefined {
  return positionOf({ size: 10, token }, list, ['integer', 'text']);
}

test('the token of a page leads to the row after it', () => {
  const rows = [
    ['3', 'c'],
    ['2', 'b'],
    ['1', 'a'],
  ];
  const page = { size: 2, token: undefined };
  const { items, nextToken } = pageOf(
    rows,
    page,
    list,
    (row) => row,
    ([, id]) => id,
  );
  expect(items).toEqual(['c', 'b']);
  expect(read(nextToken ?? '')).toEqual(['2', 'b']);
});

// Planted: without the weight the page has all three rows; without 'at least one' the second page is empty.
test('a page of heavy rows is shorter than was asked for, and never empty', () => {
  const rows = [
    ['3', 'c'],
    ['2', 'b'],
    ['1', 'a'],
  ];
  const weight = { most: 5, of: ([number]: string[]) => Number(number) * 2 };
  const cut = (some: string[][]) =>
    pageOf(
      some,
      { size: 10, token: undefined },
      list,
      (row) => row,
      ([, id]) => id,
      weight,
    );
  expect(cut(rows).items).toEqual(['c']);
  expect(read(cut(rows).nextToken ?? '')).toEqual(['3', 'c']);
  expect(cut(rows.slice(1)).items).toEqual(['b']);
  expect(cut(rows.slice(2))).toEqual({ items: ['a'], nextToken: undefined });
});

// The mark is no secret, so a position is judged too. Seen red without that: the last four.
test.each([
  ['of no base64', '%%%'],
  ['of another form', Buffer.from('{}').toString('base64url')],
  ['with a wrong mark', Buffer.from('["x","2","b"]').toString('base64url')],
  ['with a column too few', tokenFor('2')],
  ['with a text for a number', tokenFor('two', 'b')],
  ['with a number beyond int64', tokenFor('99999999999999999999', 'b')],
  ['with a NUL', tokenFor('2', 'b\u0000')],
])('a token %s is refused', (_what, token) => {
  expect(() => read(token)).toThrow(
    expect.objectContaining({
      reason: 'FIELD_INVALID',
      violations: [
        { field: 'page_token', description: 'is not a token of this list with these arguments' },
      ],
    }),
  );
});
