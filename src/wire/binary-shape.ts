import { ScalarType } from '@bufbuild/protobuf';
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { shapeBounds, tooDeep, tooManyParts } from './json-shape.ts';

/**
 * Walks a protobuf message once, before it is decoded: an empty element takes two bytes, so a small body can
 * hold millions. Throws INVALID_ARGUMENT `MESSAGE_TOO_COMPLEX`. Bytes that are no message are left to the decoder.
 */
export function checkBinaryShape(desc: DescMessage, bytes: Uint8Array, bounds = shapeBounds): void {
  let parts = 0;
  const walk = (message: DescMessage, part: Uint8Array, depth: number): void => {
    if (depth > bounds.maxDepth) throw tooDeep(bounds);
    const reader = new BinaryReader(part);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      parts += 1;
      if (parts > bounds.maxParts) throw tooManyParts(bounds);
      const field = message.fields.find((known) => known.number === number);
      if (wireType !== WireType.LengthDelimited || field === undefined) {
        reader.skip(wireType, number);
        continue;
      }
      const value = reader.bytes();
      if (field.message !== undefined && field.fieldKind !== 'map') {
        // An empty message has no parts; a reader for each of very many takes tens of milliseconds.
        if (value.length > 0) walk(field.message, value, depth + 1);
      } else if (isPackable(field)) {
        // Each byte may be an element.
        parts += value.length;
      }
    }
  };
  walk(desc, bytes, 1);
}

function isPackable(field: DescField): boolean {
  if (field.fieldKind !== 'list') return false;
  return field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES;
}
