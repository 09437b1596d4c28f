import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import type { Violations } from './violations.ts';

const hourMs = 3_600_000;
/** The longest hold. */
export const maxTtlMs = 24 * hourMs;
const maxNanos = 999_999_999;

/** Reads a hold's time to live in milliseconds, rounded up: above 0, at most 24 hours. */
export function readTtl(
  violations: Violations,
  field: string,
  ttl: Duration | undefined,
): number | undefined {
  if (ttl === undefined) return undefined;
  if (!isDuration(ttl)) violations.add(field, 'must be a valid google.protobuf.Duration');
  else if (ttl.seconds < 0n || ttl.nanos < 0 || (ttl.seconds === 0n && ttl.nanos === 0)) {
    violations.add(field, 'must be above 0');
  } else {
    const ttlMs = Number(ttl.seconds) * 1000 + Math.ceil(ttl.nanos / 1_000_000);
    if (ttlMs <= maxTtlMs) return ttlMs;
    violations.add(field, 'must be at most 24 hours (86400s)');
  }
  return undefined;
}

/** An instant, milliseconds since 1970, as a message. */
export function timestampOf(atMs: number): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return {
    $typeName: 'google.protobuf.Timestamp',
    seconds: BigInt(seconds),
    nanos: Math.round(atMs - seconds * 1000) * 1_000_000,
  };
}

/** A span of time, not negative, as a message. */
export function durationOf(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return {
    $typeName: 'google.protobuf.Duration',
    seconds: BigInt(seconds),
    nanos: Math.round(ms - seconds * 1000) * 1_000_000,
  };
}

/** Nanos lie within one second and have the sign of the seconds. */
function isDuration(duration: Duration): boolean {
  if (Math.abs(duration.nanos) > maxNanos) return false;
  if (duration.seconds > 0n) return duration.nanos >= 0;
  return duration.seconds === 0n || duration.nanos <= 0;
}
