import { ServiceError } from '../platform/service-error.ts';

/** What a message may look like before anything of it is read. */
export interface ShapeBounds {
  /** Values, keys, strings, elements and brackets in all. */
  readonly maxParts: number;
  readonly maxDepth: number;
}

/** Above the largest legal message: a policy of 200 limits with 64 targets each has some 36,000 parts, five deep. */
export const shapeBounds: ShapeBounds = { maxParts: 65_536, maxDepth: 32 };

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;
const comma = 0x2c;

/**
 * Walks a JSON text once, before it is parsed. Throws INVALID_ARGUMENT `MESSAGE_TOO_COMPLEX` for too many or too
 * deeply nested values, and `MESSAGE_DUPLICATE_KEY` where an object has a key twice: parsers keep one of the two
 * and do not say which. Whether the text is JSON at all is for the parser to say.
 */
export function checkJsonShape(text: Buffer, bounds = shapeBounds): void {
  /** For each open object the keys so far, for each open list undefined. */
  const open: (Set<string> | undefined)[] = [];
  let parts = 0;
  let key: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0;
    if (byte === quote || byte === openBrace || byte === openBracket || byte === comma) parts += 1;
    if (parts > bounds.maxParts) throw tooManyParts(bounds);
    switch (byte) {
      case quote: {
        const end = endOfString(text, at);
        key = open.at(-1) === undefined ? undefined : keyAt(text, at, end);
        at = end;
        break;
      }
      case openBrace:
      case openBracket:
        open.push(byte === openBrace ? new Set() : undefined);
        if (open.length > bounds.maxDepth) throw tooDeep(bounds);
        break;
      case closeBrace:
      case closeBracket:
        open.pop();
        break;
      case colon:
        addKey(open.at(-1), key);
        key = undefined;
        break;
      default:
    }
  }
}

/** The position of the closing quote, or the length of the text if there is none. */
function endOfString(text: Buffer, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === backslash ? 2 : 1;
  return Math.min(at, text.length);
}

/** Keys longer than any field or map key are distinguished by their beginning and their length. */
const maxKeyBytes = 1024;

/** The string if a colon follows it. */
function keyAt(text: Buffer, start: number, end: number): string | undefined {
  let next = end + 1;
  while (text[next] === 0x20 || text[next] === 0x0a || text[next] === 0x0d || text[next] === 0x09) {
    next += 1;
  }
  if (text[next] !== colon) return undefined;
  const raw = text.toString('utf8', start + 1, Math.min(end, start + 1 + maxKeyBytes));
  if (end - start > maxKeyBytes) return `${end - start}:${raw}`;
  return raw.includes('\\') ? unescape(raw) : raw;
}

function unescape(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    // It is no JSON, and the parser will say so.
    return raw;
  }
}

function addKey(keys: Set<string> | undefined, key: string | undefined): void {
  if (keys === undefined || key === undefined) return;
  if (keys.has(key)) {
    const message = `an object of the request has the key ${JSON.stringify(key.slice(0, 64))} twice`;
    throw new ServiceError('MESSAGE_DUPLICATE_KEY', message);
  }
  keys.add(key);
}

/** INVALID_ARGUMENT `MESSAGE_TOO_COMPLEX`: more parts than any legal message has. */
export function tooManyParts({ maxParts }: ShapeBounds): ServiceError {
  return tooComplex(`a message may have at most ${maxParts} keys, values and brackets`);
}

/** INVALID_ARGUMENT `MESSAGE_TOO_COMPLEX`: nested deeper than any legal message is. */
export function tooDeep({ maxDepth }: ShapeBounds): ServiceError {
  return tooComplex(`a message may be nested at most ${maxDepth} deep`);
}

function tooComplex(message: string): ServiceError {
  return new ServiceError('MESSAGE_TOO_COMPLEX', message);
}
