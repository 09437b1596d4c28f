import type { Json } from '../support/admin-plane.ts';

export type Case = readonly [field: string, message: Json];
export type Make = (value: unknown) => Json;

/** One wrong value of every kind that there is. */
export const ids = [
  '',
  'x'.repeat(201),
  'a b',
  'a\tb',
  'al\u0000ice',
  'a\u00a0b',
  'a\u2028b',
  '\ud800',
];
export const notStrings = [7, true, {}, ['a']];
export const requestIds = ['', 'r'.repeat(129), 'ü', 'a\nb', 7];
export const times = ['yesterday', '2026-02-30T00:00:00Z', '10000-01-01T00:00:00Z', 5, ''];
export const int64s = ['-1', '9223372036854775808', 'NaN', 1.5, '1e3x', true, Infinity.toString()];
export const texts = (most: number): unknown[] => ['x'.repeat(most + 1), 'nul\u0000', '\udc00', 7];
export const enums = ['FORTNIGHT', 99, -1, 'ACTIVE', 2.5];

export const each = (field: string, values: readonly unknown[], make: Make): Case[] =>
  values.map((value) => [field, make(value)]);

/** The fields that every request has which changes something. */
export const changeCases = (rest: Json): Case[] => [
  ...each('reason', texts(1000), (reason) => ({ ...rest, reason })),
  ...each('request_id', requestIds, (requestId) => ({ ...rest, requestId })),
  ...each('validate_only', ['yes', 1], (validateOnly) => ({ ...rest, validateOnly })),
];

/** Of those that may name the etag on which they depend. */
export const etagCases = (rest: Json): Case[] =>
  each('etag', [...notStrings, '\ud800'], (etag) => ({ ...rest, etag }));

export const pageCases = (rest: Json): Case[] => [
  ...each('page_size', [-1, -2_147_483_648, 1.5, 'many', 2_147_483_648], (pageSize) => ({
    ...rest,
    pageSize,
  })),
  ...each('page_token', ['x', '!!!', 'W10', 'WyJhIiwiYiJd', 7], (pageToken) => ({
    ...rest,
    pageToken,
  })),
];

export const orgCases = (rest: Json): Case[] =>
  each('org_id', [...ids, ...notStrings], (orgId) => ({ ...rest, orgId }));

/** Ids that may be left out: everything but the empty one is as wrong there. */
export const optionalIds = ids.filter((id) => id !== '');
export const many = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
export const idLists = (field: string, most: number, make: Make): Case[] => [
  ...each(`${field}[1]`, ids, (id) => make(['ok', id])),
  [`${field}[1]`, make(['twice', 'twice'])],
  [field, make(many(most + 1))],
];
