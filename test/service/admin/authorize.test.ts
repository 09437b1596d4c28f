import { expect, test } from 'vitest';
import { authorize } from '../../../src/service/admin/authorize.ts';
import type { Intent } from '../../../src/service/admin/authorize.ts';
import type { Caller } from '../../../src/service/caller.ts';

const intents: readonly Intent[] = ['read', 'write', 'operate'];

function reasonOf(caller: Caller, intent: Intent, orgId?: string): string {
  try {
    authorize(caller, intent, orgId);
    return 'allowed';
  } catch (cause) {
    return (cause as { reason: string }).reason;
  }
}

// Seen red with a viewer that may write, and with the organization not looked at.
test.each([
  ['platform_admin', ['allowed', 'allowed', 'allowed']],
  ['org_admin', ['allowed', 'allowed', 'ROLE_FORBIDDEN']],
  ['org_viewer', ['allowed', 'ROLE_FORBIDDEN', 'ROLE_FORBIDDEN']],
  ['gateway', ['ROLE_FORBIDDEN', 'ROLE_FORBIDDEN', 'ROLE_FORBIDDEN']],
] as const)('the role %s may read, write and operate: %j', (role, expected) => {
  const caller: Caller = { name: 'c', role, orgIds: undefined };
  expect(intents.map((intent) => reasonOf(caller, intent, 'acme'))).toEqual(expected);
});

test('the administrator of one organization is refused at another', () => {
  const caller: Caller = { name: 'c', role: 'org_admin', orgIds: new Set(['acme']) };
  expect(reasonOf(caller, 'write', 'acme')).toBe('allowed');
  expect(reasonOf(caller, 'read', 'beta')).toBe('ORG_FORBIDDEN');
  expect(reasonOf(caller, 'read')).toBe('allowed');
});
