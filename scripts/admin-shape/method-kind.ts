import type { DescField, DescMessage, DescMethod } from '@bufbuild/protobuf';

/** How a method's name begins, and whether such methods write. */
export const methodKinds = {
  Create: 'write',
  Get: 'read',
  BatchGet: 'read',
  Query: 'read',
  Price: 'read',
  List: 'read',
  Explain: 'read',
  Watch: 'read',
  Count: 'read',
  BatchUpdate: 'write',
  Copy: 'write',
  Rollback: 'write',
  Export: 'read',
  Verify: 'read',
  Update: 'write',
  Delete: 'write',
  Revoke: 'write',
  Rotate: 'write',
  Append: 'write',
  Import: 'write',
  Expire: 'write',
  Adjust: 'write',
  Reset: 'write',
} as const;

/** The first word of a method's name. */
export type MethodKind = keyof typeof methodKinds;

/** The kind of a method, and what the rest of its name says that it is about; undefined for a kind that is not known. */
export function kindOf({ name }: DescMethod): { kind: MethodKind; noun: string } | undefined {
  const kinds = Object.keys(methodKinds) as MethodKind[];
  const kind = kinds.find((known) => new RegExp(`^${known}[A-Z]`).test(name));
  return kind && { kind, noun: name.slice(kind.length) };
}

/** The message of a request that is created or updated: its field, and what it is of. */
export function resourceOf(
  { input }: DescMethod,
  noun: string,
): { field: DescField; message: DescMessage } | undefined {
  for (const field of input.fields) {
    if (field.fieldKind === 'message' && field.message.name === noun) {
      return { field, message: field.message };
    }
  }
  return undefined;
}

/** A field of a message by its name. */
export function fieldOf(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name);
}
