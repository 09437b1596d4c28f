import { create, isFieldSet } from '@bufbuild/protobuf';
import type { DescField, DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { invalidFields } from '../../platform/service-error.ts';
import type { Violations } from '../violations.ts';

/** What an update takes from its message: some fields, or everything. */
export type Updated = readonly DescField[] | 'everything';

/**
 * Reads which fields an update takes (AIP-134): those that the mask names, with `*` all of them, and without a mask
 * those that are present in the message, so that a client resets no field that it does not know. A path that is not
 * the name of a field is FIELD_INVALID on `maskField`.
 */
export function readUpdateMask<Desc extends DescMessage>(
  desc: Desc,
  sent: MessageShape<Desc>,
  mask: FieldMask | undefined,
  maskField = 'update_mask',
): Updated {
  const paths = mask?.paths ?? [];
  if (paths.length === 0) return desc.fields.filter((field) => isFieldSet(sent, field));
  if (paths.length === 1 && paths[0] === '*') return 'everything';
  return paths.map((path) => {
    const field = desc.fields.find(({ name }) => name === path);
    if (field !== undefined) return field;
    throw invalidFields([{ field: maskField, description: pathFault(desc, path) }]);
  });
}

function pathFault(desc: DescMessage, path: string): string {
  if (path === '*') return 'names * among other paths: it stands alone';
  const [first = ''] = path.split('.');
  const isNested = first !== path && desc.fields.some(({ name }) => name === first);
  return isNested ? `names ${path}: only whole fields, such as ${first}` : `has no field ${path}`;
}

/** A message as an update leaves it: `present`, with the fields that the update takes from `sent`. */
export function updatedMessage<Desc extends DescMessage>(
  desc: Desc,
  sent: MessageShape<Desc>,
  present: MessageShape<Desc>,
  updated: Updated,
): MessageShape<Desc> {
  if (updated === 'everything') return sent;
  const merged = create(desc);
  Object.assign(merged, present);
  const from: Readonly<Record<string, unknown>> = { ...sent };
  for (const { localName } of updated) Object.assign(merged, { [localName]: from[localName] });
  return merged;
}

/** What identifies the thing that is updated: its id, or the subject of a policy. */
const identifying = ['id', 'subject'];

/** Notes only the faults of what an update takes, and of the id: other fields of the message are not looked at. */
export function faultsOfUpdated(
  violations: Violations,
  prefix: string,
  updated: Updated,
): Violations {
  if (updated === 'everything') return violations;
  const names = new Set([...identifying, ...updated.map(({ name }) => name)]);
  return {
    add(field, description) {
      const [name = ''] = field.slice(prefix.length + 1).split(/[.[]/);
      if (names.has(name)) violations.add(field, description);
    },
    throwIfAny: () => violations.throwIfAny(),
  };
}
