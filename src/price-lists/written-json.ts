/** A JSON object whose numbers are as they were written. */
export type WrittenObject = Readonly<Record<string, unknown>>;

const written = Symbol('written');

/**
 * Parses JSON and keeps every number as the digits that stand there: as values they would be binary already.
 * Throws what `JSON.parse` throws.
 */
export function parseWritten(text: string): unknown {
  const keep = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? { [written]: context?.source ?? '' } : value;
  return JSON.parse(text, keep);
}

/** The digits of a number; undefined for anything else. */
export function writtenNumber(value: unknown): string | undefined {
  const isNumber = typeof value === 'object' && value !== null && written in value;
  return isNumber && typeof value[written] === 'string' ? value[written] : undefined;
}

/** Whether a value is an object with members: no list, no number. */
export function isObject(value: unknown): value is WrittenObject {
  const isStructure = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isStructure && !(written in value);
}
