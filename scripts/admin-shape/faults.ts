import { ScalarType } from '@bufbuild/protobuf';
import type { DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import { outputOnly, wholeParts } from './exceptions.ts';
import { fieldOf, kindOf, methodKinds, resourceOf } from './method-kind.ts';
import type { MethodKind } from './method-kind.ts';

/** The type of a standard field, wherever it stands. */
type Standard = 'string' | 'optional string' | 'bool' | 'int32' | 'mask' | 'time' | 'strings';

/** Standard fields of requests, in the order in which they stand; a request's own fields come after `org_id`. */
const standardFields: Readonly<Record<string, Standard>> = {
  org_id: 'string',
  update_mask: 'mask',
  allow_missing: 'bool',
  etag: 'string',
  reason: 'string',
  request_id: 'optional string',
  validate_only: 'bool',
  page_size: 'int32',
  page_token: 'string',
  contains: 'string',
  search: 'string',
  order_by: 'string',
};

const ofEveryWrite = ['reason', 'request_id', 'validate_only'];
const needed: Readonly<Record<MethodKind, readonly string[]>> = {
  Create: ofEveryWrite,
  Get: [],
  BatchGet: ['ids'],
  Query: [],
  Price: [],
  List: ['page_size', 'page_token'],
  Explain: [],
  Watch: [],
  Count: [],
  Export: ['page_size', 'page_token'],
  Verify: [],
  Update: ['update_mask', 'allow_missing', ...ofEveryWrite],
  Delete: ['etag', ...ofEveryWrite],
  Revoke: ['etag', ...ofEveryWrite],
  Rotate: ['etag', ...ofEveryWrite],
  Append: ofEveryWrite,
  BatchUpdate: ofEveryWrite,
  Copy: [...ofEveryWrite, 'update_mask'],
  Rollback: ['etag', ...ofEveryWrite],
  Import: ofEveryWrite,
  Expire: ofEveryWrite,
  Adjust: ofEveryWrite,
  Reset: ofEveryWrite,
};

/** What of the admin plane is not in the one shape of all its methods: `RevokeKey: lacks etag`. */
export function shapeFaults(services: readonly DescService[]): string[] {
  const methods = services.flatMap((service) => service.methods);
  return [
    ...methods.flatMap((method) => faultsOfMethod(method).map((said) => `${method.name}: ${said}`)),
    ...methods.flatMap(faultsOfRecord),
    ...methods.flatMap((method) => faultsOfKind(method, methods)),
  ];
}

function faultsOfMethod(method: DescMethod): string[] {
  const found = kindOf(method);
  if (found === undefined) return [`begins with none of ${Object.keys(methodKinds).join(', ')}`];
  const { input, output } = method;
  const { kind, noun } = found;
  const isPaged = fieldOf(input, 'page_token') !== undefined;
  return [
    ...['org_id', ...(isPart(kind, noun) ? ofEveryWrite : needed[kind])].flatMap((name) =>
      lacking(input, name),
    ),
    ...(isPaged ? [...lacking(input, 'page_size'), ...lacking(output, 'next_page_token')] : []),
    ...input.fields.flatMap(faultsOfField),
    ...output.fields.flatMap(faultsOfField),
    ...faultsOfOrder(input),
    ...faultsOfSubject(method, kind, noun),
    ...(fieldOf(input, 'filter') ? ['has filter: a text search is called contains or search'] : []),
    ...(kind === 'BatchGet' ? lacking(output, 'missing_ids') : []),
  ];
}

/** An update that puts a part of a record, whole: it has no mask, and the record has the times. */
function isPart(kind: MethodKind, noun: string): boolean {
  return kind === 'Update' && wholeParts.has(noun);
}

function lacking(message: DescMessage, name: string): string[] {
  return fieldOf(message, name) === undefined ? [`lacks ${name}`] : [];
}

/** Fields of these names have one type in all messages. */
function faultsOfField(field: DescField): string[] {
  const types: Readonly<Record<string, Standard>> = {
    ...standardFields,
    next_page_token: 'string',
    total_size: 'int32',
    ids: 'strings',
    missing_ids: 'strings',
  };
  const type = types[field.name];
  return type === undefined || isOf(type, field) ? [] : [`${field.name} is not ${type}`];
}

function isOf(type: Standard, field: DescField): boolean {
  if (type === 'mask' || type === 'time') {
    const name = type === 'mask' ? 'FieldMask' : 'Timestamp';
    return field.fieldKind === 'message' && field.message.typeName === `google.protobuf.${name}`;
  }
  if (type === 'strings') return field.fieldKind === 'list' && field.listKind === 'scalar';
  if (field.fieldKind !== 'scalar') return false;
  const isOptional = field.presence === Presence.EXPLICIT;
  if (type === 'optional string') return field.scalar === ScalarType.STRING && isOptional;
  const scalars = { string: ScalarType.STRING, bool: ScalarType.BOOL, int32: ScalarType.INT32 };
  // Where an organization may be left out, its id says so.
  return field.scalar === scalars[type] && (!isOptional || field.name === 'org_id');
}

function faultsOfOrder({ fields }: DescMessage): string[] {
  const order = Object.keys(standardFields);
  const place = ({ name }: DescField): number => (order.includes(name) ? order.indexOf(name) : 0.5);
  const isSorted = fields.every((field, index) => {
    const before = fields[index - 1];
    return before === undefined || (place(before) <= place(field) && before.number < field.number);
  });
  return isSorted ? [] : [`has its fields in another order than ${order.join(', ')}`];
}

/** A method takes and answers what its name says. */
function faultsOfSubject(method: DescMethod, kind: MethodKind, noun: string): string[] {
  const { input, output } = method;
  const takes = (kind === 'Create' || kind === 'Update') && !isPart(kind, noun);
  const names = kind === 'Get' || kind === 'Delete' || kind === 'Revoke';
  const [answer] = output.fields;
  const answered = answer?.message?.name ?? '';
  const isMany = kind === 'List' || kind === 'BatchGet' || kind === 'Append';
  return [
    ...(takes && resourceOf(method, noun) === undefined ? [`takes no ${noun}`] : []),
    ...(names && !['id', 'subject', 'meter', 'org_id'].some((name) => fieldOf(input, name))
      ? ['names nothing']
      : []),
    ...(isMany && answer?.fieldKind !== 'list' ? ['answers no list'] : []),
    ...(takes && ![noun, `${noun}Revision`].includes(answered) ? [`answers no ${noun}`] : []),
  ];
}

/** A record that can be updated has an etag and times, and says of each field whether it was sent. */
function faultsOfRecord(method: DescMethod): string[] {
  const found = kindOf(method);
  const isWhole = found?.kind === 'Update' && !isPart(found.kind, found.noun);
  const message = isWhole ? resourceOf(method, found.noun)?.message : undefined;
  if (message === undefined) return [];
  const standard = { etag: 100, create_time: 101, update_time: 102 };
  const lacks = Object.entries(standard).flatMap(([name, number]) =>
    fieldOf(message, name)?.number === number ? [] : [`${message.name}: lacks ${name}`],
  );
  const silent = message.fields
    .filter(({ number, name }) => number > 1 && !(name in standard))
    .filter(({ name }) => !outputOnly.has(`${message.name}.${name}`))
    .filter(({ fieldKind, presence }) => {
      return fieldKind !== 'list' && fieldKind !== 'map' && presence !== Presence.EXPLICIT;
    })
    .map(({ name }) => `${message.name}: ${name} does not say whether it was sent`);
  return [...lacks, ...silent];
}

/** What can be updated can also be created, read, listed, and deleted or revoked. */
function faultsOfKind(method: DescMethod, methods: readonly DescMethod[]): string[] {
  const found = kindOf(method);
  if (found?.kind !== 'Update' || isPart(found.kind, found.noun)) return [];
  const { noun } = found;
  const plural =
    noun.endsWith('y') && !noun.endsWith('ey') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  const names = new Set(methods.map(({ name }) => name));
  const has = (...any: string[]): boolean => any.some((name) => names.has(name));
  return [
    ...(has(`Create${noun}`) ? [] : [`${noun}: has no Create`]),
    ...(has(`Get${noun}`) ? [] : [`${noun}: has no Get`]),
    ...(has(`List${plural}`) ? [] : [`${noun}: has no List`]),
    ...(has(`Delete${noun}`, `Revoke${noun}`) ? [] : [`${noun}: has no Delete or Revoke`]),
  ];
}
