import { ScalarType } from '@bufbuild/protobuf';
import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf';
import { commentText } from './comment-text.ts';

/** A JSON Schema of OpenAPI 3.1. */
export type Schema = Readonly<Record<string, unknown>>;

/** The schemas of a document, by the names that others refer to; they grow with what is referred to. */
export interface Schemas {
  /** The schema of a message: a reference to a component, or what JSON has for a well-known type. */
  of(desc: DescMessage): Schema;
  readonly components: Readonly<Record<string, Schema>>;
}

/** Writes messages as the JSON that Connect reads and writes (the JSON mapping of proto3). */
export function createSchemas(): Schemas {
  const components: Record<string, Schema> = {};

  function enumOf(desc: DescEnum): Schema {
    components[desc.typeName] ??= enumSchema(desc);
    return refTo(desc.typeName);
  }

  function messageOf(desc: DescMessage): Schema {
    const wellKnown = wellKnownTypes[desc.typeName];
    if (wellKnown !== undefined) return wellKnown;
    if (components[desc.typeName] === undefined) {
      // Set before the fields are read: a message may hold itself.
      components[desc.typeName] = {};
      components[desc.typeName] = {
        type: 'object',
        ...described(commentText(desc)),
        properties: Object.fromEntries(desc.fields.map((one) => [one.jsonName, fieldOf(one)])),
        additionalProperties: false,
        ...exclusive(desc.oneofs),
      };
    }
    return refTo(desc.typeName);
  }

  function fieldOf(field: DescField): Schema {
    const description = described(commentText(field));
    if (field.fieldKind === 'map') {
      const values = valueOf(
        field.mapKind === 'scalar' ? field.scalar : (field.enum ?? field.message),
      );
      return { type: 'object', ...description, additionalProperties: values };
    }
    if (field.fieldKind === 'list') {
      const items = valueOf(
        field.listKind === 'scalar' ? field.scalar : (field.enum ?? field.message),
      );
      return { type: 'array', ...description, items };
    }
    const value = valueOf(
      field.fieldKind === 'scalar' ? field.scalar : (field.enum ?? field.message),
    );
    return { ...value, ...description };
  }

  function valueOf(type: ScalarType | DescEnum | DescMessage | undefined): Schema {
    if (type === undefined) throw new Error('a field without a type');
    if (typeof type === 'number') return scalars[type];
    return type.kind === 'enum' ? enumOf(type) : messageOf(type);
  }

  return { of: messageOf, components };
}

function refTo(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

function described(description: string | undefined): Schema {
  return description === undefined ? {} : { description };
}

function enumSchema(desc: DescEnum): Schema {
  const values = desc.values.map((value) => `- \`${value.name}\`: ${oneLine(commentText(value))}`);
  return {
    type: 'string',
    description: [commentText(desc) ?? '', values.join('\n')].join('\n\n').trim(),
    enum: desc.values.map(({ name }) => name),
  };
}

function oneLine(text = ''): string {
  return text.replaceAll('\n', ' ');
}

/** At most one field of each oneof: no two of them together. */
function exclusive(oneofs: readonly DescOneof[]): Schema {
  const pairs = oneofs.flatMap(({ fields }) =>
    fields.flatMap((a, index) => fields.slice(index + 1).map((b) => [a.jsonName, b.jsonName])),
  );
  if (pairs.length === 0) return {};
  return { allOf: pairs.map((required) => ({ not: { required } })) };
}

const int32 = { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
const uint32 = { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 };
// JSON has 64 bits as text: numbers past 2^53 would not be exact.
const int64 = { type: 'string', format: 'int64', pattern: '^-?[0-9]{1,19}$' };
const uint64 = { type: 'string', format: 'uint64', pattern: '^[0-9]{1,20}$' };

const scalars: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
  [ScalarType.DOUBLE]: { type: 'number', format: 'double' },
  [ScalarType.FLOAT]: { type: 'number', format: 'float' },
  [ScalarType.INT32]: int32,
  [ScalarType.SINT32]: int32,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.UINT32]: uint32,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.INT64]: int64,
  [ScalarType.SINT64]: int64,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.FIXED64]: uint64,
};

const wellKnownTypes: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': {
    type: 'string',
    pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$',
    examples: ['90s', '0.5s'],
  },
  'google.protobuf.FieldMask': {
    type: 'string',
    description: 'Names of fields, separated by commas.',
    examples: ['displayName,state'],
  },
};
