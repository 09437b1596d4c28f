import type {
  QueryUsageRequest,
  UsageDimension as DimensionMessage,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import {
  QueryUsageResponseSchema,
  UsageSeriesSchema,
  UsageSumsSchema,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import type {
  QueryUsageResponse,
  UsageSeries as SeriesMessage,
  UsageSums as SumsMessage,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import { create } from '@bufbuild/protobuf';
import type { Interval } from '../../core/intervals.ts';
import { saturated } from '../../core/totals.ts';
import type { QueriedUsage, UsageQuestion } from '../../service/admin/query-usage.ts';
import type {
  UsageDimension,
  UsageFilter,
  UsageSeries,
  UsageSums,
} from '../../service/admin/usage-queries.ts';
import { idFault } from '../fields.ts';
import { timestampOf } from '../time.ts';
import { unitNameFault } from '../unit-name.ts';
import { unitsToMessage } from '../units.ts';
import type { Violations } from '../violations.ts';
import { isTooLong, readEnum, readInstant } from './fields.ts';

/** In the order of the proto's numbers. */
const dimensionKinds = [
  'user',
  'team',
  'key',
  'app',
  'principal',
  'customer',
  'label',
  'tier',
  'model',
  'provider',
  'service_tier',
] as const;
const intervals: readonly Interval[] = ['HOUR', 'DAY', 'WEEK', 'MONTH'];
const rankedBy = ['COST', 'TOKENS', 'INPUT_TOKENS', 'OUTPUT_TOKENS', 'REQUESTS'] as const;

const maxDimensions = 3;
const maxFilters = 10;
const maxValues = 100;
const maxUnits = 8;
const usualSeries = 10;
const maxSeries = 100;

/** Reads which usage is asked for. */
export function usageQuestion(
  violations: Violations,
  orgId: string,
  request: QueryUsageRequest,
): UsageQuestion {
  const { seriesCount, interval } = request;
  if (seriesCount < 0) violations.add('series_count', 'must not be negative');
  return {
    orgId,
    ...readSpan(violations, request),
    interval:
      interval === 0 ? undefined : readEnum(violations, 'interval', interval, intervals, undefined),
    groupBy: readDimensions(violations, 'group_by', request.groupBy, maxDimensions),
    filters: readUsageFilters(violations, request.filters),
    rankBy: readEnum(violations, 'rank_by', request.rankBy, rankedBy, 'COST'),
    seriesCount: seriesCount === 0 ? usualSeries : Math.min(seriesCount, maxSeries),
    units: readUnitNames(violations, request.units),
  };
}

/** Reads a span of time that must be there. */
export function readSpan(
  violations: Violations,
  { startTime, endTime }: Pick<QueryUsageRequest, 'startTime' | 'endTime'>,
): { readonly fromMs: number; readonly toMs: number } {
  for (const [field, time] of [
    ['start_time', startTime],
    ['end_time', endTime],
  ] as const) {
    if (time === undefined) violations.add(field, 'is required');
  }
  const fromMs = readInstant(violations, 'start_time', startTime) ?? 0;
  const toMs = readInstant(violations, 'end_time', endTime) ?? fromMs + 1;
  if (toMs <= fromMs) violations.add('end_time', 'must be after start_time');
  return { fromMs, toMs };
}

function readDimensions(
  violations: Violations,
  field: string,
  messages: readonly DimensionMessage[],
  most: number,
): readonly UsageDimension[] {
  if (isTooLong(violations, field, messages, most)) return [];
  const known = new Set<string>();
  return messages.map((message, at) => {
    const dimension = readDimension(violations, `${field}[${at}]`, message);
    noteRepeated(violations, `${field}[${at}]`, dimension, known);
    return dimension;
  });
}

function noteRepeated(
  violations: Violations,
  field: string,
  dimension: UsageDimension,
  known: Set<string>,
): void {
  const name = JSON.stringify(dimension);
  if (known.has(name)) violations.add(field, 'stands there twice');
  known.add(name);
}

function readDimension(
  violations: Violations,
  field: string,
  { kind: number, labelKey }: DimensionMessage,
): UsageDimension {
  const kind = readEnum(violations, `${field}.kind`, number, dimensionKinds, undefined);
  if (kind !== 'label') {
    if (labelKey !== '') violations.add(`${field}.label_key`, 'is only of LABEL');
    return { kind };
  }
  const fault = labelKey.includes('=') ? 'must not contain =' : idFault(labelKey);
  if (fault !== undefined) violations.add(`${field}.label_key`, fault);
  return { kind, labelKey };
}

/** Reads which calls are meant. */
export function readUsageFilters(
  violations: Violations,
  messages: QueryUsageRequest['filters'],
): readonly UsageFilter[] {
  if (isTooLong(violations, 'filters', messages, maxFilters)) return [];
  const known = new Set<string>();
  return messages.flatMap(({ dimension: message, values }, at) => {
    const field = `filters[${at}]`;
    if (message === undefined) {
      violations.add(`${field}.dimension`, 'is required');
      return [];
    }
    const dimension = readDimension(violations, `${field}.dimension`, message);
    noteRepeated(violations, `${field}.dimension`, dimension, known);
    if (values.length === 0) violations.add(`${field}.values`, 'must not be empty');
    if (isTooLong(violations, `${field}.values`, values, maxValues)) return [];
    for (const [index, value] of values.entries()) {
      const fault = idFault(value);
      if (fault !== undefined) violations.add(`${field}.values[${index}]`, fault);
    }
    return [{ dimension, values }];
  });
}

function readUnitNames(violations: Violations, names: readonly string[]): readonly string[] {
  if (isTooLong(violations, 'units', names, maxUnits)) return [];
  for (const [index, name] of names.entries()) {
    const fault = unitNameFault(name);
    if (fault !== undefined) violations.add(`units[${index}]`, fault);
  }
  return [...new Set(names)];
}

/** Writes what was used; without an interval there are no points. */
export function usageAnswerToMessage(
  { total, series, rest, cutsMs }: QueriedUsage,
  { interval }: UsageQuestion,
): QueryUsageResponse {
  const write = (one: UsageSeries): SeriesMessage =>
    seriesToMessage(one, interval === undefined ? [] : cutsMs);
  return create(QueryUsageResponseSchema, {
    total: write(total),
    series: series.map(write),
    ...(rest === undefined ? {} : { rest: write(rest) }),
    startTime: timestampOf(cutsMs[0] ?? 0),
    endTime: timestampOf(cutsMs.at(-1) ?? 0),
  });
}

function seriesToMessage(
  { group, total, points }: UsageSeries,
  cutsMs: readonly number[],
): SeriesMessage {
  return create(UsageSeriesSchema, {
    group: [...group],
    total: sumsToMessage(total),
    points: cutsMs.slice(1).flatMap((endMs, at) => {
      const sums = points.get(at);
      if (sums === undefined) return [];
      const startTime = timestampOf(cutsMs[at] ?? endMs);
      return [{ startTime, endTime: timestampOf(endMs), sums: sumsToMessage(sums) }];
    }),
  });
}

/** Writes sums; one past int64 stays at the largest. */
export function sumsToMessage({ cost, input, output, requests, units }: UsageSums): SumsMessage {
  return create(UsageSumsSchema, {
    costNanos: saturated(cost),
    inputTokens: saturated(input),
    outputTokens: saturated(output),
    tokens: saturated(input + output),
    requestCount: saturated(requests),
    units: unitsToMessage(units),
  });
}
