import { create } from '@bufbuild/protobuf';
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  CatalogService,
  ImportPricesRequestSchema,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import { EnforcementService } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { OrganizationService } from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import { PolicyService } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { argumentsText } from '../../../src/wire/admin/page.ts';

const paged = [
  OrganizationService,
  DirectoryService,
  CredentialService,
  PolicyService,
  CatalogService,
  EnforcementService,
].flatMap(({ methods }) =>
  methods
    .map(({ input }) => input)
    .filter(({ fields }) => fields.some(({ name }) => name === 'page_token')),
);

/** Any value of a field that is not its default. */
function someValue(field: DescField): unknown {
  if (field.fieldKind === 'list') return [field.listKind === 'scalar' ? 'x' : 1];
  if (field.fieldKind === 'map') return { x: 'y' };
  if (field.fieldKind === 'message') return create(field.message);
  if (field.fieldKind === 'enum') return field.enum.values[1]?.number;
  const samples: Record<number, unknown> = { 3: 7n, 5: 7, 8: true, 9: 'x' };
  return samples[field.scalar];
}

function withField(desc: DescMessage, field: DescField): Message {
  const value = someValue(field);
  const init = field.oneof
    ? { [field.oneof.localName]: { case: field.localName, value } }
    : { [field.localName]: value };
  return Object.assign(create(desc), init);
}

const free = ['page_size', 'page_token', 'reason', 'request_id', 'validate_only'];

// Planted: with `contains` among the unbound fields, every list that has it is red.
describe.each(paged.map((desc) => [desc.name, desc] as const))(
  'the pages of a %s',
  (_name, desc) => {
    test.each(desc.fields.map((field) => [field.name, field] as const))(
      'depend on %s, unless it only says which page',
      (name, field) => {
        const changed = argumentsText(desc, withField(desc, field));
        const isSame = changed === argumentsText(desc, create(desc));
        expect(isSame).toBe(free.includes(name));
      },
    );
  },
);

// Planted: without sorting the entries of maps, these differ.
test('the entries of a map are in no order', () => {
  const of = (providerNames: Record<string, string>) =>
    argumentsText(ImportPricesRequestSchema, create(ImportPricesRequestSchema, { providerNames }));
  expect(of({ a: '1', b: '2' })).toBe(of({ b: '2', a: '1' }));
  expect(of({ a: '1', b: '2' })).not.toBe(of({ a: '2', b: '1' }));
});
