import type { WireWriter } from './wire-writer.ts';

/**
 * An array as PostgreSQL reads it in binary: a header, then length and bytes of each element. As text, every
 * quote of every JSON in a batch would have to be escaped, which took a tenth of the process's time.
 */
export type BinaryArray = (to: WireWriter) => void;

const int4Oid = 23;
const int8Oid = 20;
const textOid = 25;

/** An int[]. */
export function int4Array(numbers: readonly number[]): BinaryArray {
  return (to) => {
    writeHeader(to, int4Oid, numbers.length, false);
    to.int4Elements(numbers);
  };
}

/** A bigint[] of `count` elements, given in parts. A number is a whole one, and exact. */
export function int8Array(count: number, parts: Iterable<ArrayLike<bigint | number>>): BinaryArray {
  return (to) => {
    writeHeader(to, int8Oid, count, false);
    for (const part of parts) to.int8Elements(part);
  };
}

/** An array of numbers, truth values or ids as text: elements that need no quotes. Null is NULL. */
export function plainArray(
  elements: readonly (bigint | number | boolean | string | null)[],
): string {
  return `{${elements.map((element) => element ?? 'NULL').join(',')}}`;
}

/** A text[]; null is NULL. */
export function textArray(texts: readonly (string | null)[]): BinaryArray {
  return (to) => {
    writeHeader(to, textOid, texts.length, texts.includes(null));
    for (const text of texts) {
      if (text === null) to.int32(-1);
      else to.prefixedText(text);
    }
  };
}

function writeHeader(to: WireWriter, oid: number, count: number, hasNull: boolean): void {
  to.int32(1);
  to.int32(hasNull ? 1 : 0);
  to.int32(oid);
  to.int32(count);
  to.int32(1);
}
