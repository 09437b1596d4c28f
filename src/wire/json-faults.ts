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
  // An absent field may be written as null; in a list there is no absence.
  if (value === null) return;
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    for (const [index, entry] of value.entries()) {
      noteValueFaults(violations, field, entry, `${path}[${index}]`, () =>
        isReadable(desc, field, [entry]),
      );
    }
  } else noteValueFaults(violations, field, value, path, () => isReadable(desc, field, value));
}

function noteValueFaults(
  violations: Violations,
  field: DescField,
  value: JsonValue,
  path: string,
  isRead: () => boolean,
): void {
  const { message, enum: values } = field;
  // The well-known messages have a JSON of their own: a timestamp is a text.
  const isOurs = message !== undefined && !message.typeName.startsWith('google.protobuf.');
  if (isOurs && field.fieldKind !== 'map') {
    noteJsonFaults(violations, message, value, path);
    return;
  }
  if (isRead() && isText(value) && !isNoDate(field, value)) return;
  if (values !== undefined) {
    violations.add(path, `must be one of ${values.values.map(({ name }) => name).join(', ')}`);
  } else if (message !== undefined) violations.add(path, `must be a valid ${message.typeName}`);
  else violations.add(path, 'must be a value of its type, within its range');
}

/** The library is the judge: a message of this field alone is read, or it is not. */
function isReadable(desc: DescMessage, field: DescField, value: JsonValue): boolean {
  try {
    fromJson(desc, { [field.jsonName]: value }, { ignoreUnknownFields: false });
    return true;
  } catch {
    // Which field it is, is all that the caller can use.
    return false;
  }
}

/** JSON may escape half a character, which is no text and which no store can keep. */
function isText(value: JsonValue): boolean {
  return typeof value !== 'string' || value.isWellFormed();
}

/** Whether a timestamp names a day that its month has not: the library would take it for one of the next. */
function isNoDate(field: DescField, value: JsonValue): boolean {
  if (field.message?.typeName !== 'google.protobuf.Timestamp') return false;
  const match = typeof value === 'string' ? /^(\d{4})-(\d\d)-(\d\d)T/.exec(value) : null;
  if (match === null) return false;
  const [year, month, day] = match.slice(1).map(Number);
  const daysInMonth = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  return (day ?? 0) > daysInMonth;
}
