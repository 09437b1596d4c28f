import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { memoizeByObject } from '../core/memoize-by-object.ts';
import { ServiceError } from '../platform/service-error.ts';

/**
 * Refuses a message that has a field which this release does not know, however deep. It comes from a newer client, and
 * what it says would be lost silently: units that were used, the bound of a limit. Throws UNIMPLEMENTED
 * `FIELD_UNKNOWN`. The message must have been decoded with its unknown fields.
 */
export function refuseUnknownFields(desc: DescMessage, message: Message): void {
  const found = unknownIn(desc)(message);
  if (found !== undefined) throw fieldUnknown(found);
}

/** The same for the message's own fields; the messages in it are judged where they are read. */
export function refuseOwnUnknownFields(message: Message): void {
  const own = ownUnknown(message);
  if (own !== undefined) throw fieldUnknown(own);
}

function fieldUnknown(field: string): ServiceError {
  const text = `this release does not know field ${field} of the request: ask a newer server`;
  return new ServiceError('FIELD_UNKNOWN', text, { metadata: { field }, retryAfterMs: 1000 });
}

/** Finds the path of the first unknown field, which has a number and no name: `estimate.99`. */
type Walk = (message: Message) => string | undefined;

const unknownIn: (desc: DescMessage) => Walk = memoizeByObject((desc: DescMessage): Walk => {
  const inner = desc.fields.filter((field) => field.message !== undefined);
  return (message) => ownUnknown(message) ?? unknownBelow(inner, message);
});

function ownUnknown({ $unknown }: Message): string | undefined {
  const first = $unknown?.[0];
  return first === undefined ? undefined : String(first.no);
}

function unknownBelow(inner: readonly DescField[], message: Message): string | undefined {
  for (const field of inner) {
    const value = valueOf(field, message);
    if (value === undefined) continue;
    const found =
      field.fieldKind === 'message' ? unknownOf(field, value) : unknownAmong(field, value);
    if (found !== undefined) return `${field.name}${found}`;
  }
  return undefined;
}

/** The members of a oneof share one property. */
function valueOf(field: DescField, message: Message): unknown {
  if (field.oneof === undefined) return Reflect.get(message, field.localName);
  const set = Reflect.get(message, field.oneof.localName) as { case?: string; value?: unknown };
  return set.case === field.localName ? set.value : undefined;
}

function unknownAmong(field: DescField, members: unknown): string | undefined {
  for (const [key, member] of Object.entries(members as Record<string, unknown>)) {
    const found = unknownOf(field, member);
    if (found !== undefined) return `[${key}]${found}`;
  }
  return undefined;
}

function unknownOf({ message: desc }: DescField, value: unknown): string | undefined {
  if (desc === undefined) return undefined;
  const found = unknownIn(desc)(value as Message);
  return found === undefined ? undefined : `.${found}`;
}
