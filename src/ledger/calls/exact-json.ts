/**
 * JSON for the ledger's own records, in which a bigint is the text `"n:123"`: exact past 2^53. A text that
 * itself begins with a letter and a colon of that form (`n:`, `s:`) is written with `s:` before it.
 */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `n:${part}`;
    if (typeof part === 'string' && isMarked(part)) return `s:${part}`;
    return part;
  });
}

/** Reads what `encodeJson` wrote; the caller names its type, at the row border. */
export function decodeJson(text: string): unknown {
  return JSON.parse(text, (_key, part: unknown) => {
    if (typeof part !== 'string' || !isMarked(part)) return part;
    return part.startsWith('n:') ? BigInt(part.slice(2)) : part.slice(2);
  });
}

function isMarked(text: string): boolean {
  return text.charCodeAt(1) === 58 && (text.startsWith('n:') || text.startsWith('s:'));
}
