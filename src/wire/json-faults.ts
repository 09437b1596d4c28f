import { fromJson } from '@bufbuild/protobuf';
import type { DescField, DescMessage, JsonValue } from '@bufbuild/protobuf';
import type { Violations } from './violations.ts';

/**
 * Notes what of a JSON message its schema cannot read, each by its path: unknown fields, values of the wrong
 * type or out of range, names that an enum has not.
 */
export function noteJsonFaults(
  violations: Violations,
  desc: DescMessage,
  json: JsonValue,
  at = '',
): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    violations.add(at, 'must be a JSON object');
    return;
  }
  for (const [name, value] of Object.entries(json)) {
    const field = desc.fields.find((known) => known.jsonName === name || known.name === name);
    const path = at === '' ? (field?.name ?? name) : `${at}.${field?.name ?? name}`;
    if (field === undefined) violations.add(path, 'is not a field of this message');
    else noteFieldFaults(violations, desc, field, value, path);
  }
}

function noteFieldFaults(
  violations: Violations,
  desc: DescMessage,
  field: DescField,
  value: JsonValue,
  path: string,
): void {
  if (isReadable(desc, field, value)) return;
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    for (const [index, entry] of value.entries()) {
      if (isReadable(desc, field, [entry])) continue;
      noteValueFaults(violations, field, entry, `${path}[${index}]`);
    }
  } else noteValueFaults(violations, field, value, path);
}

function noteValueFaults(
  violations: Violations,
  field: DescField,
  value: JsonValue,
  path: string,
): void {
  const { message, enum: values } = field;
  // The well-known messages have a JSON of their own: a timestamp is a text.
  const isOurs = message !== undefined && !message.typeName.startsWith('google.protobuf.');
  if (isOurs && field.fieldKind !== 'map') noteJsonFaults(violations, message, value, path);
  else if (values !== undefined) {
    const names = values.values.map(({ name }) => name).join(', ');
    violations.add(path, `must be one of ${names}`);
  } else violations.add(path, `must be ${expected(field)}`);
}

function expected(field: DescField): string {
  if (field.message !== undefined) return `a valid ${field.message.typeName}`;
  return 'a value of its type, within its range';
}

/** The library is the judge: a message of this field alone is read, or it is not. Half a character is no text. */
function isReadable(desc: DescMessage, field: DescField, value: JsonValue): boolean {
  if (!JSON.stringify(value).isWellFormed()) return false;
  try {
    fromJson(desc, { [field.jsonName]: value }, { ignoreUnknownFields: false });
    return true;
  } catch {
    // Why it cannot be read is found out field by field.
    return false;
  }
}
