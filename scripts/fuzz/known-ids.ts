/** Ids of the example that a first start makes, and some that calls create, read and delete again. */
const ids = ['acme', 'alice', 'red', 'gpt-4o', 'a', 'b'];
const properties: Readonly<Record<string, object>> = {
  orgId: { type: 'string', enum: ['acme'] },
  id: { type: 'string', enum: ids },
  ids: { type: 'array', items: { type: 'string', enum: ids }, maxItems: 3 },
  userId: { type: 'string', enum: ids },
  subject: { type: 'string', enum: ['org', 'user:alice', 'team:red', 'tier:pro', 'key:a'] },
};

/** A description whose ids are half of the time those of records that there are: random ones find nothing. */
export function knownIds(description: unknown): unknown {
  if (Array.isArray(description)) return description.map(knownIds);
  if (typeof description !== 'object' || description === null) return description;
  return Object.fromEntries(
    Object.entries(description).map(([key, value]) => [
      key,
      key === 'properties' ? narrowed(value) : knownIds(value),
    ]),
  );
}

function narrowed(all: unknown): unknown {
  return Object.fromEntries(
    Object.entries(all as Readonly<Record<string, { readonly type?: unknown }>>).map(
      ([name, schema]) => {
        const known = properties[name];
        const isSameType = known !== undefined && Reflect.get(known, 'type') === schema.type;
        return [name, isSameType ? { anyOf: [known, schema] } : knownIds(schema)];
      },
    ),
  );
}
