import { v7 as uuidv7 } from 'uuid';
import { arrayLiteral } from './array-literal.ts';
import type { UsageRecord } from './usage-record.ts';

/** The parameters of `insert-usage`. */
export function usageParameters(records: readonly UsageRecord[], recordedAtMs: number): unknown[] {
  return [
    records.map((record) => record.orgId),
    records.map(() => recordedAtMs),
    records.map(() => uuidv7()),
    records.map((record) => record.requestId),
    records.map((record) => record.kind),
    records.map((record) => record.bookedAtMs),
    records.map((record) => arrayLiteral(record.subjects)),
    records.map((record) => record.user ?? null),
    records.map((record) => record.usage.target.name),
    records.map((record) => JSON.stringify(record.usage.target)),
    records.map((record) => record.usage.cost),
    records.map((record) => record.usage.input),
    records.map((record) => record.usage.output),
    records.map((record) => record.usage.cachedInput),
    records.map((record) => record.usage.cacheWrite),
    records.map((record) => record.requests),
    records.map((record) => record.usage.priceRevision ?? null),
    records.map((record) => record.overHold),
    records.map((record) => record.late),
    records.map((record) => record.usage.unpriced),
  ];
}
