import { fromJson } from '@bufbuild/protobuf';
import type { DescField, DescMessage, DescOneof, JsonValue } from '@bufbuild/protobuf';
import type { Violations } from './violations.ts';

/**
 * Notes what of a JSON message its schema cannot read, each by its path: unknown fields, values of the wrong
 * type or out of range, names that an enum has not, two fields of which at most one may be set.
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
  const seen = new Set<DescField | DescOneof>();
  for (const [name, value] of Object.entries(json)) {
    const field = desc.fields.find((known) => known.jsonName === name || known.name === name);
    const path = at === '' ? (field?.name ?? name) : `${at}.${field?.name ?? name}`;
    if (field === undefined) violations.add(path, 'is not a field of this message');
    else if (seen.has(field)) violations.add(path, 'is given twice, by both of its names');
    else if (value !== null && field.oneof !== undefined && seen.has(field.oneof)) {
      const others = field.oneof.fields.filter((other) => other !== field);
      violations.add(path, `must not be beside ${others.map((other) => other.name).join(' or ')}`);
    } else noteFieldFaults(violations, desc, field, value, path);
    if (field !== undefined) seen.add(field);
    if (field?.oneof !== undefined && value !== null) seen.add(field.oneof);
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
    noteEntryFaults(violations, desc, field, { entries: value, from: 0, path });
  } else noteValueFaults(violations, field, value, path, () => isReadable(desc, field, value));
}

/** Some entries of a list, the first of which has the index `from`. */
interface Entries {
  readonly entries: readonly JsonValue[];
  readonly from: number;
  readonly path: string;
}

/** Looks for wrong entries by halves: to read each of many thousands alone takes seconds. */
function noteEntryFaults(
  violations: Violations,
  desc: DescMessage,
  field: DescField,
  { entries, from, path }: Entries,
): void {
  const isReadableTogether = (): boolean =>
    isReadable(desc, field, [...entries]) && entries.every((entry) => isSound(field, entry));
  if (isOurMessage(field)) {
    for (const [index, entry] of entries.entries()) {
      noteJsonFaults(violations, field.message, entry, `${path}[${from + index}]`);
    }
  } else if (entries.length <= 1) {
    for (const entry of entries) {
      noteValueFaults(violations, field, entry, `${path}[${from}]`, isReadableTogether);
    }
  } else if (!isReadableTogether()) {
    const half = entries.length >> 1;
    const first = { entries: entries.slice(0, half), from, path };
    const second = { entries: entries.slice(half), from: from + half, path };
    noteEntryFaults(violations, desc, field, first);
    noteEntryFaults(violations, desc, field, second);
  }
}

/** The well-known messages have a JSON of their own: a timestamp is a text. */
function isOurMessage(field: DescField): field is DescField & { readonly message: DescMessage } {
  const { message } = field;
  return message !== undefined && !message.typeName.startsWith('google.protobuf.');
}

/** What the library would let pass: texts that are none, and days that are none. */
function isSound(field: DescField, value: JsonValue): boolean {
  return isText(value) && !isNoDate(field, value);
}

function noteValueFaults(
  violations: Violations,
  field: DescField,
  value: JsonValue,
  path: string,
  isRead: () => boolean,
): void {
  const { message, enum: values } = field;
  if (isOurMessage(field) && field.fieldKind !== 'map') {
    noteJsonFaults(violations, field.message, value, path);
    return;
  }
  if (isRead() && isSound(field, value)) return;
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
