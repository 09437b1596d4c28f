import { formatUsd, parseUsd } from './amount.ts';
import type { Metric } from './policy.ts';
import { maxInt64 } from './totals.ts';

/** An amount of a metric as policies write it: decimal USD for COST, else a whole number; undefined if it is neither. */
export function parseMetricAmount(metric: Metric, text: string): bigint | undefined {
  if (metric === 'COST') return parseUsd(text);
  const isWhole = /^\d{1,19}$/.test(text) && BigInt(text) <= maxInt64;
  return isWhole ? BigInt(text) : undefined;
}

/** Writes an amount of a metric as policies do. */
export function formatMetricAmount(metric: Metric, amount: bigint): string {
  return metric === 'COST' ? formatUsd(amount) : amount.toString();
}

/** What an amount of a metric must be, for the description of a fault. */
export function metricAmountForm(metric: Metric): string {
  return metric === 'COST'
    ? 'decimal USD with at most 9 decimals, up to 9223372036.854775807'
    : 'a whole number, 0 to 2^63-1';
}
