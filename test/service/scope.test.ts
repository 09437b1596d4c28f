import { expect, test } from 'vitest';
import { findScope, noSubjects, unknownEverywhere, viewOf } from '../../src/service/scope.ts';
import { anyGateway, serviceStage } from '../support/service-stage.ts';

const secrets = {
  tg_own: { orgId: 'acme', kind: 'key', id: 'k1' },
  tg_foreign: { orgId: 'beta', kind: 'token', id: 't1' },
} as const;
const { policies } = serviceStage({ secrets });
const { caller } = anyGateway;
const confined = { ...caller, orgIds: new Set(['acme']) };

/*
 * Planted, seen red, one each: a credential is known in whatever organization is named; its organization is not compared
 * with the caller's rights; a named organization is not.
 */
test('a call belongs to the organization that it names, else to that of its credential', async () => {
  const k1 = { kind: 'key', id: 'k1' };
  expect(await findScope(policies, caller, 'acme', undefined)).toEqual({ orgId: 'acme' });
  expect(await findScope(policies, caller, 'acme', 'tg_own')).toEqual({
    orgId: 'acme',
    credential: k1,
  });
  expect(await findScope(policies, confined, undefined, 'tg_own')).toEqual({
    orgId: 'acme',
    credential: k1,
  });
});

test('a credential of another organization, or of none, is unknown in the one that is named', async () => {
  for (const secret of ['tg_foreign', 'tg_nobody']) {
    const scope = await findScope(policies, caller, 'acme', secret);
    expect(scope, secret).toEqual({ orgId: 'acme', credential: 'UNKNOWN' });
  }
  expect(await findScope(policies, caller, undefined, 'tg_nobody')).toBe(unknownEverywhere);
});

test('neither a name nor a credential leads beyond the rights of the caller', async () => {
  const forbidden = { kind: 'PERMISSION_DENIED', reason: 'ORG_FORBIDDEN' };
  await expect(findScope(policies, confined, 'beta', undefined)).rejects.toMatchObject(forbidden);
  await expect(findScope(policies, confined, 'beta', 'tg_own')).rejects.toMatchObject(forbidden);
  const byCredential = findScope(policies, confined, undefined, 'tg_foreign');
  await expect(byCredential).rejects.toMatchObject(forbidden);
});

test('a call that names no organization and has no credential is invalid', async () => {
  await expect(findScope(policies, caller, undefined, undefined)).rejects.toMatchObject({
    kind: 'INVALID_ARGUMENT',
    violations: [{ field: 'org_id' }],
  });
});

test('an organization that is not there is not found', async () => {
  const need = { subjects: noSubjects, credential: undefined };
  expect(() => viewOf(policies, 'gone', need)).toThrow('no organization gone');
  const later = { ...policies, view: () => Promise.resolve(undefined) };
  await expect(viewOf(later, 'gone', need)).rejects.toMatchObject({
    reason: 'ORGANIZATION_NOT_FOUND',
  });
});
