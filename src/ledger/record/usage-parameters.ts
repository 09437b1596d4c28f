import { v7 as uuidv7 } from 'uuid';
import { arrayLiteral } from '../../db/wire/array-literal.ts';
import { int8Array, plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import type { Parameter } from '../../db/wire/flight.ts';
import { targetText } from '../calls/target-text.ts';
import { unitsJson } from './units-json.ts';
import type { UsageRecord } from './usage-record.ts';

/** The parameters of `insert-usage`. */
export function usageParameters(
  records: readonly UsageRecord[],
  recordedAtMs: (orgId: string) => number,
): Parameter[] {
  const usages = records.map(({ usage }) => usage);
  return [
    textArray(records.map((record) => record.orgId)),
    numbers(records.map(({ orgId }) => recordedAtMs(orgId))),
    plainArray(records.map(() => uuidv7())),
    textArray(records.map((record) => record.requestId)),
    textArray(records.map((record) => record.kind)),
    numbers(records.map((record) => record.bookedAtMs)),
    textArray(records.map((record) => arrayLiteral(record.subjects))),
    textArray(records.map((record) => record.user ?? null)),
    textArray(usages.map((usage) => usage.target.name)),
    textArray(usages.map((usage) => targetText(usage.target))),
    numbers(usages.map((usage) => usage.cost)),
    numbers(usages.map((usage) => usage.input)),
    numbers(usages.map((usage) => usage.output)),
    numbers(usages.map((usage) => usage.cachedInput)),
    numbers(usages.map((usage) => usage.cacheWrite)),
    numbers(records.map((record) => record.requests)),
    textArray(usages.map((usage) => usage.priceRevision ?? null)),
    plainArray(records.map((record) => record.overHold)),
    plainArray(records.map((record) => record.late)),
    plainArray(usages.map((usage) => usage.unpriced)),
    numbers(usages.map((usage) => usage.reasoningOutput)),
    plainArray(records.map((record) => record.assumed)),
    textArray(usages.map((usage) => usage.served.provider ?? null)),
    textArray(usages.map((usage) => usage.served.serviceTier ?? null)),
    numbers(usages.map((usage) => usage.cacheWrite1h)),
    textArray(usages.map((usage) => unitsJson(usage.units))),
  ];
}

function numbers(column: readonly (bigint | number)[]): Parameter {
  return int8Array(column.length, [column]);
}
