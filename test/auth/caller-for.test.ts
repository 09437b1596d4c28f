import { expect, test } from 'vitest';
import { callerFor } from '../../src/auth/caller-for.ts';
import type { Right } from '../../src/auth/right.ts';
import type { Account } from '../../src/service/auth.ts';

const viewers: Right = { roles: ['org_viewer', 'org_admin', 'platform_admin'] };
const admins: Right = { roles: ['org_admin', 'platform_admin'] };
const adminsOrAll: Right = { ...admins, forPlatform: { roles: ['platform_admin'], does: 'it' } };

const ann: Account = {
  name: 'ann',
  grants: [
    { role: 'org_admin', orgIds: new Set(['acme']) },
    { role: 'org_viewer', orgIds: new Set(['globex']) },
  ],
};

// Red with the organizations of all grants, whatever their role.
test('a caller may act for the organizations in which one of its roles allows the call', () => {
  expect(callerFor(ann, viewers).orgIds).toEqual(new Set(['acme', 'globex']));
  expect(callerFor(ann, viewers).administeredOrgIds).toEqual(new Set(['acme']));
  expect(callerFor(ann, admins)).toEqual({
    name: 'ann',
    roles: ['org_admin'],
    orgIds: new Set(['acme']),
    administeredOrgIds: new Set(['acme']),
    isForPlatform: false,
  });
});

test('a role that holds for every organization is not yet one of the platform', () => {
  const everywhere: Account = { name: 'ed', grants: [{ role: 'org_admin', orgIds: undefined }] };
  const root: Account = { name: 'root', grants: [{ role: 'platform_admin', orgIds: undefined }] };
  expect(callerFor(everywhere, adminsOrAll)).toMatchObject({
    orgIds: undefined,
    isForPlatform: false,
  });
  expect(callerFor(root, adminsOrAll)).toMatchObject({ isForPlatform: true });
});

test('an account without a role for the call is refused by its roles', () => {
  const viewer: Account = { name: 'vi', grants: [{ role: 'org_viewer', orgIds: undefined }] };
  expect(() => callerFor(viewer, admins)).toThrow('not for the role org_viewer');
});

test('a caller is made once of an account', () => {
  expect(callerFor(ann, admins)).toBe(callerFor(ann, admins));
});
