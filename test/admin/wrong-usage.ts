import { each, enums, ids, orgCases, times } from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

const span = { startTime: '2026-03-01T00:00:00Z', endTime: '2026-04-01T00:00:00Z' };
const query = { orgId: 'acme', ...span };
const user = { kind: 'USAGE_DIMENSION_KIND_USER' };
const label = { kind: 'USAGE_DIMENSION_KIND_LABEL', labelKey: 'feature' };
const many = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));

/** Spans of time that are none. */
export const spanCases = (rest: Readonly<Record<string, unknown>>): Case[] => [
  ...each('start_time', [undefined, ...times], (startTime) => ({ ...rest, ...span, startTime })),
  ...each('end_time', [undefined, ...times, span.startTime, '2026-02-01T00:00:00Z'], (endTime) => ({
    ...rest,
    ...span,
    endTime,
  })),
];

/** Filters that are none. */
export const usageFilterCases = (rest: Readonly<Record<string, unknown>>): Case[] => [
  ['filters[0].dimension', { ...rest, filters: [{ values: ['a'] }] }],
  ['filters[0].values', { ...rest, filters: [{ dimension: user }] }],
  ['filters[0].values', { ...rest, filters: [{ dimension: user, values: many(101, String) }] }],
  ['filters', { ...rest, filters: many(11, () => ({ dimension: user, values: ['a'] })) }],
  [
    'filters[1].dimension',
    { ...rest, filters: many(2, () => ({ dimension: user, values: ['a'] })) },
  ],
  ...each('filters[0].values[0]', ids, (id) => ({
    ...rest,
    filters: [{ dimension: user, values: [id] }],
  })),
];

export const queryUsageCases: readonly Case[] = [
  ...orgCases(span),
  ...spanCases({ orgId: 'acme' }),
  ...usageFilterCases(query),
  ...each('interval', [...enums, 'USAGE_INTERVAL_YEAR'], (interval) => ({ ...query, interval })),
  ...each('rank_by', [...enums, 'METRIC_CONCURRENCY'], (rankBy) => ({ ...query, rankBy })),
  ...each('series_count', [-1, 1.5, 'many'], (seriesCount) => ({ ...query, seriesCount })),
  ['group_by[0].kind', { ...query, groupBy: [{}] }],
  ...each('group_by[0].kind', enums, (kind) => ({ ...query, groupBy: [{ kind }] })),
  ['group_by', { ...query, groupBy: many(4, (at) => ({ ...label, labelKey: `k${at}` })) }],
  ['group_by[1]', { ...query, groupBy: [user, user] }],
  ['group_by[0].label_key', { ...query, groupBy: [{ ...user, labelKey: 'x' }] }],
  ...each('group_by[0].label_key', [...ids, 'a=b'], (labelKey) => ({
    ...query,
    groupBy: [{ ...label, labelKey }],
  })),
  ['units', { ...query, units: many(9, (at) => `u${at}`) }],
  ...each('units[0]', ['', 'Image', 'x'.repeat(65), 'a b'], (unit) => ({
    ...query,
    units: [unit],
  })),
  ['interval', { ...query, interval: 'USAGE_INTERVAL_HOUR', endTime: '2026-05-01T00:00:00Z' }],
  ['interval', { ...query, interval: 'USAGE_INTERVAL_HOUR', groupBy: [user], seriesCount: 100 }],
];
