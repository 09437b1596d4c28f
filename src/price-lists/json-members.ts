/** One member of a JSON object. */
export interface JsonMember {
  readonly name: string;
  /** Its value as it is written: text that may still be no JSON. */
  readonly value: string;
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;

/**
 * Divides the text of a JSON object into its members, one at a time, without reading their values: so a text of
 * megabytes can be read in slices. A name that is there twice comes twice. Throws a SyntaxError where the text
 * is no object; the values are for the caller to parse.
 */
export function* jsonMembers(text: string): Generator<JsonMember, void> {
  let at = afterSpace(text, expect(text, afterSpace(text, 0), openBrace));
  if (text.charCodeAt(at) === closeBrace) return expectEnd(text, at + 1);
  for (;;) {
    const nameEnd = stringEnd(text, expect(text, at, quote) - 1);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    const start = expect(text, afterSpace(text, nameEnd), colon);
    const end = valueEnd(text, start);
    yield { name, value: text.slice(start, end) };
    if (text.charCodeAt(end) === closeBrace) return expectEnd(text, end + 1);
    at = afterSpace(text, end + 1);
  }
}

/** The position after a character that must stand there. */
function expect(text: string, at: number, code: number): number {
  if (text.charCodeAt(at) === code) return at + 1;
  throw new SyntaxError(`expected ${String.fromCharCode(code)} at position ${at}`);
}

function expectEnd(text: string, at: number): void {
  const end = afterSpace(text, at);
  if (end < text.length) throw new SyntaxError(`expected nothing more at position ${end}`);
}

function afterSpace(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}

/** The position after the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === backslash) at += 1;
  }
  throw new SyntaxError(`a string without an end at position ${start}`);
}

/** The position of the comma or brace that ends the value. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(text, at);
      continue;
    }
    if (depth === 0 && (code === comma || code === closeBrace)) return at;
    if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) depth -= 1;
    at += 1;
  }
  throw new SyntaxError(`a value without an end at position ${start}`);
}
