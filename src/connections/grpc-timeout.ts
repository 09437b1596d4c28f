const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Reads the header `grpc-timeout`, at most eight digits and a unit, in milliseconds; infinite without the header.
 * Undefined: it is something else.
 */
export function grpcTimeoutMs(text: string | null): number | undefined {
  if (text === null) return Infinity;
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const unitMs = units[unit];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}
