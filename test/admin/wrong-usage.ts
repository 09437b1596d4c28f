import {
  changeCases,
  each,
  enums,
  ids,
  int64s,
  optionalIds,
  orgCases,
  pageCases,
  requestIds,
  times,
} from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

export const span = { startTime: '2026-03-01T00:00:00Z', endTime: '2026-04-01T00:00:00Z' };
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

const wrongMeters = ['', 'x', 'user:', 'team:red/team:blue', 'user:a@', 'user:a b', 'user:a\u0000'];
const batch = { orgId: 'acme', meters: ['org'], window: 'WINDOW_DAY' };
const wrongWindows = [...enums, 0];

export const batchGetUsageCases: readonly Case[] = [
  ...orgCases({ meters: ['org'], window: 'WINDOW_DAY' }),
  ...each('window', wrongWindows, (window) => ({ ...batch, window })),
  ...each('meters[1]', [...wrongMeters, 'org'], (meter) => ({ ...batch, meters: ['org', meter] })),
  ['meters', { ...batch, meters: [] }],
  ['meters', { ...batch, meters: many(1001, (at) => `user:u${at}`) }],
];

export const listLimitUsageCases: readonly Case[] = [
  ...orgCases({}),
  ...pageCases({ orgId: 'acme' }),
  ...each('subjects[0]', ['', 'x', 'user:', 'label:a', 'user:a b'], (subject) => ({
    orgId: 'acme',
    subjects: [subject],
  })),
  ['subjects', { orgId: 'acme', subjects: many(101, (at) => `user:u${at}`) }],
  ...each('subject_kinds[0]', ['', 'USER', 'tier', 'x'], (kind) => ({
    orgId: 'acme',
    subjectKinds: [kind],
  })),
  ['subject_kinds', { orgId: 'acme', subjectKinds: many(11, () => 'user') }],
  ...each('tier', optionalIds, (tier) => ({ orgId: 'acme', tier })),
  ...each('standing', [...enums, 'LIMIT_STANDING_OK'], (standing) => ({ orgId: 'acme', standing })),
];

export const listTierUsageCases: readonly Case[] = [
  ...orgCases({ window: 'WINDOW_DAY' }),
  ...pageCases({ orgId: 'acme', window: 'WINDOW_DAY' }),
  ...each('window', wrongWindows, (window) => ({ orgId: 'acme', window })),
];

export const listHoldsCases: readonly Case[] = [
  ...orgCases({}),
  ...pageCases({ orgId: 'acme' }),
  ...each('subject', ['x', 'user:', 'label:a', 'user:a b'], (subject) => ({
    orgId: 'acme',
    subject,
  })),
];

const priced = { orgId: 'acme', target: 'm', usage: {} };

export const priceCallCases: readonly Case[] = [
  ...orgCases({ target: 'm', usage: {} }),
  ...each('target', ids, (target) => ({ ...priced, target })),
  ...each('provider', ids, (provider) => ({ ...priced, provider })),
  ...each('service_tier', ['', 'Flex', 'x'.repeat(65)], (serviceTier) => ({
    ...priced,
    serviceTier,
  })),
  ...each('requests', [0, -1, 1_000_001], (requests) => ({ ...priced, requests })),
  ...each('price_time', times, (priceTime) => ({ ...priced, priceTime })),
  ...each('subjects.user', ids, (user) => ({ ...priced, subjects: { user } })),
  ['usage', { orgId: 'acme', target: 'm' }],
  ['usage.cost_nanos', { ...priced, usage: { costNanos: '1' } }],
  ...each('usage.input_tokens', int64s, (inputTokens) => ({ ...priced, usage: { inputTokens } })),
  ['usage.cached_input_tokens', { ...priced, usage: { cachedInputTokens: '1' } }],
  ['usage.reasoning_output_tokens', { ...priced, usage: { reasoningOutputTokens: '1' } }],
];

const why = { orgId: 'acme', reason: 'test' };
const adjusted = { ...why, subjects: { user: 'ann' }, costNanos: '1' };
const ofCall = { ...why, callRequestId: 'r1', costNanos: '1' };

export const adjustUsageCases: readonly Case[] = [
  ...orgCases({ reason: 'test', subjects: {}, costNanos: '1' }),
  ...changeCases(adjusted),
  ...each('reason', ['', ' '], (reason) => ({ ...adjusted, reason })),
  ...each('call_request_id', requestIds, (callRequestId) => ({ ...ofCall, callRequestId })),
  ['subjects', { ...why, costNanos: '1' }],
  ['subjects', { ...ofCall, subjects: {} }],
  ['target', { ...ofCall, target: 'm' }],
  ['provider', { ...ofCall, provider: 'p' }],
  ['service_tier', { ...ofCall, serviceTier: 'flex' }],
  ['book_time', { ...ofCall, bookTime: '2026-03-01T00:00:00Z' }],
  ['book_time', { ...adjusted, bookTime: '2026-03-11T00:00:00Z' }],
  ...each('book_time', times, (bookTime) => ({ ...adjusted, bookTime })),
  ...each('subjects.user', ids, (user) => ({ ...adjusted, subjects: { user } })),
  ...each('target', ['a b', 'x'.repeat(201)], (target) => ({ ...adjusted, target })),
  ...each(
    'cost_nanos',
    ['9223372036854775808', 'NaN', 1.5, true, '-9223372036854775808'],
    (cost) => ({
      ...adjusted,
      costNanos: cost,
    }),
  ),
  ['cost_nanos', { ...adjusted, costNanos: '0' }],
];

const resetting = { ...why, meter: 'org', window: 'WINDOW_DAY' };

export const resetUsageCases: readonly Case[] = [
  ...orgCases({ reason: 'test', meter: 'org', window: 'WINDOW_DAY' }),
  ...changeCases(resetting),
  ...each('reason', ['', ' '], (reason) => ({ ...resetting, reason })),
  ...each('meter', wrongMeters, (meter) => ({ ...resetting, meter })),
  ...each('window', wrongWindows, (window) => ({ ...resetting, window })),
  ...each('metrics[0]', ['METRIC_CONCURRENCY', 0, 99], (metric) => ({
    ...resetting,
    metrics: [metric],
  })),
  ['metrics', { ...resetting, metrics: many(6, () => 'METRIC_COST') }],
];

export const exportUsageCases: readonly Case[] = [
  ...orgCases(span),
  ...spanCases({ orgId: 'acme' }),
  ...usageFilterCases(query),
  ...pageCases(query),
  ...each('format', enums, (format) => ({ ...query, format })),
];
