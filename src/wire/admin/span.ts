import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Violations } from '../violations.ts';
import { readInstant } from './fields.ts';

/** Reads a span of time whose ends may be open, as instants in milliseconds since 1970. */
export function readSpan(
  violations: Violations,
  {
    startTime,
    endTime,
  }: {
    readonly startTime?: Timestamp | undefined;
    readonly endTime?: Timestamp | undefined;
  },
): { readonly fromMs: number | undefined; readonly toMs: number | undefined } {
  const fromMs = readInstant(violations, 'start_time', startTime);
  const toMs = readInstant(violations, 'end_time', endTime);
  if (fromMs !== undefined && toMs !== undefined && toMs < fromMs) {
    violations.add('end_time', 'must not be before start_time');
  }
  return { fromMs, toMs };
}
