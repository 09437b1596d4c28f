import { clone, create, createFileRegistry } from '@bufbuild/protobuf';
import type { DescFile, DescService } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
  FieldDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import type { DescriptorProto, FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { exceptions } from '../../scripts/admin-shape/exceptions.ts';
import { shapeFaults } from '../../scripts/admin-shape/faults.ts';
import { kindOf, methodKinds } from '../../scripts/admin-shape/method-kind.ts';
import { adminServices } from '../../scripts/admin-shape/services.ts';

const services = await adminServices();
const excepted = exceptions.map(({ fault }) => fault);
const descriptors = descriptorsOf(services);

/** The services with everything that they import, as protoc would describe them. */
function descriptorsOf(all: readonly DescService[]): FileDescriptorSet {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (files.has(file.name)) return;
    for (const imported of file.dependencies) add(imported);
    files.set(file.name, file);
  };
  for (const { file } of all) add(file);
  return create(FileDescriptorSetSchema, { file: [...files.values()].map(({ proto }) => proto) });
}

/** The faults that a change of the contract brings. */
function faultsOf(
  change: (message: (name: string) => DescriptorProto, set: FileDescriptorSet) => void,
): string[] {
  const set = clone(FileDescriptorSetSchema, descriptors);
  const messages = set.file.flatMap(({ messageType }) => messageType);
  change((name) => {
    const found = messages.find((message) => message.name === name);
    if (found === undefined) throw new Error(`no message ${name}`);
    return found;
  }, set);
  const changed = [...createFileRegistry(set)].filter((desc) => desc.kind === 'service');
  const ours = changed.filter(({ file }) => file.proto.package === 'tollgate.admin.v1');
  const known = shapeFaults(services);
  return shapeFaults(ours).filter((fault) => !known.includes(fault));
}

function without(message: DescriptorProto, name: string): void {
  message.field = message.field.filter((field) => field.name !== name);
}

describe('the admin plane', () => {
  it('has one shape, but for what is excepted with a reason', () => {
    expect(shapeFaults(services).filter((fault) => !excepted.includes(fault))).toEqual([]);
  });

  it('needs every exception', () => {
    const faults = shapeFaults(services);
    expect(excepted.filter((fault) => !faults.includes(fault))).toEqual([]);
    expect(exceptions.filter(({ because }) => because.length < 10)).toEqual([]);
  });

  // These plant the faults: each field that is taken away must be missed.
  const writes = services
    .flatMap(({ methods }) => methods)
    .filter((method) => methodKinds[kindOf(method)?.kind ?? 'Get'] === 'write')
    .filter(({ name }) => name !== 'ExpireHolds')
    .map((method) => [method.name, method] as const);
  it.each(writes)('misses what is taken away from %s', (name, method) => {
    for (const field of method.input.fields.map((one) => one.name)) {
      if (!['reason', 'request_id', 'validate_only', 'update_mask', 'etag'].includes(field))
        continue;
      expect(faultsOf((message) => without(message(method.input.name), field))).toEqual([
        `${name}: lacks ${field}`,
      ]);
    }
  });

  it('misses the etag, the times and the presence of a record', () => {
    expect(faultsOf((message) => without(message('Team'), 'etag'))).toEqual(['Team: lacks etag']);
    expect(faultsOf((message) => without(message('User'), 'update_time'))).toEqual([
      'User: lacks update_time',
    ]);
    const plain = faultsOf((message) => {
      const team = message('Team');
      team.oneofDecl = [];
      for (const field of team.field) {
        field.proto3Optional = false;
        field.oneofIndex = undefined as never;
      }
    });
    expect(plain).toContain('Team: parent does not say whether it was sent');
  });

  it('misses half of a page, and knows a field by its type', () => {
    expect(faultsOf((message) => without(message('ListTeamsRequest'), 'page_token'))).toEqual([
      'ListTeams: lacks page_token',
    ]);
    expect(faultsOf((message) => without(message('ListTeamsResponse'), 'next_page_token'))).toEqual(
      ['ListTeams: lacks next_page_token'],
    );
    expect(faultsOf((message) => without(message('BatchGetTeamsResponse'), 'missing_ids'))).toEqual(
      ['BatchGetTeams: lacks missing_ids'],
    );
    const typed = faultsOf((message) => {
      const size = message('ListTeamsRequest').field.find(({ name }) => name === 'page_size');
      if (size) size.type = Type.INT64;
    });
    expect(typed).toEqual(['ListTeams: page_size is not int32']);
  });

  it('refuses a filter, fields in another order, and a method of no known kind', () => {
    const filtered = faultsOf((message) => {
      const field = create(FieldDescriptorProtoSchema, {
        name: 'filter',
        number: 9,
        type: Type.STRING,
        label: 1,
      });
      message('ListTeamsRequest').field.push(field);
    });
    expect(filtered).toContain('ListTeams: has filter: a text search is called contains or search');
    const swapped = faultsOf((message) => {
      const { field } = message('DeleteTeamRequest');
      for (const one of field) if (one.name === 'etag') one.number = 50;
    });
    expect(swapped.join()).toContain('DeleteTeam: has its fields in another order');
    const renamed = faultsOf((_message, set) => {
      for (const file of set.file) {
        for (const { method } of file.service) {
          for (const one of method) if (one.name === 'DeleteUser') one.name = 'DropUser';
        }
      }
    });
    expect(renamed).toContain('User: has no Delete or Revoke');
    expect(renamed.join()).toContain('DropUser: begins with none of Create, Get');
  });
});
