import { create } from '@bufbuild/protobuf';
import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import {
  AccountKind,
  AccountSchema,
  AccountSecretSchema,
  AccountState,
  GrantSchema,
  Role as RoleNumber,
} from '../../../gen/tollgate/admin/v1/access_pb.ts';
import type {
  Account,
  AccountSecret,
  Grant as GrantMessage,
} from '../../../gen/tollgate/admin/v1/access_pb.ts';
import { isOfDataPlane, roles } from '../../service/caller.ts';
import type { Role } from '../../service/caller.ts';
import type { Grant } from '../../service/auth.ts';
import type { AccountRecord, StoredAccount, StoredSecret } from '../../service/admin/accounts.ts';
import { readId } from '../fields.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { isTooLong, readDisplayName, readEnum, readIds, readInstant } from './fields.ts';

const kinds = ['SERVICE', 'PERSON'] as const;
const states = ['ENABLED', 'DISABLED', 'REVOKED'] as const;
/** The actor of what the program does itself. */
const programName = 'tollgate';
const maxGrants = 20;
const maxOrganizations = 1000;
const maxCertificateNames = 20;
const certificateName = /^[\x21-\x7e]{1,253}$/;
const defaultOverlapMs = 86_400_000;
const maxOverlapMs = 90 * defaultOverlapMs;

/** Reads an account. */
export function accountFromMessage(
  violations: Violations,
  at: string,
  message: Account,
): AccountRecord {
  const state = readEnum(violations, `${at}.state`, message.state, states, 'ENABLED');
  if (state === 'REVOKED') violations.add(`${at}.state`, 'is set by revoking, with a reason');
  // The audit trail would show its changes as those of the program.
  if (message.id === programName) violations.add(`${at}.id`, 'is the name of the program itself');
  return {
    id: readId(violations, `${at}.id`, message.id),
    displayName: readDisplayName(violations, at, message.displayName),
    kind: readEnum(violations, `${at}.kind`, message.kind, kinds, 'SERVICE'),
    grants: readGrants(violations, `${at}.grants`, message.grants),
    certificateNames: readNames(violations, `${at}.certificate_names`, message.certificateNames),
    state,
  };
}

/** Reads a role by its number. */
export function readRole(violations: Violations, field: string, number: number): Role {
  return readEnum(violations, field, number, roles, undefined);
}

function readGrants(
  violations: Violations,
  field: string,
  messages: readonly GrantMessage[],
): readonly Grant[] {
  if (messages.length === 0) violations.add(field, 'must have at least one');
  if (isTooLong(violations, field, messages, maxGrants)) return [];
  const grants = messages.map((message, index) =>
    readGrant(violations, `${field}[${index}]`, message),
  );
  for (const [index, { role }] of grants.entries()) {
    const isFirst = grants.findIndex((one) => one.role === role) === index;
    if (!isFirst) violations.add(`${field}[${index}].role`, 'stands there twice');
    else if (isOfDataPlane(role) !== isOfDataPlane(grants[0]?.role ?? role)) {
      violations.add(`${field}[${index}].role`, 'is of the other plane than the first');
    }
  }
  return grants;
}

function readGrant(violations: Violations, at: string, message: GrantMessage): Grant {
  const role = readRole(violations, `${at}.role`, message.role);
  const orgIds = readIds(violations, `${at}.org_ids`, message.orgIds, maxOrganizations);
  if (message.allOrgs === message.orgIds.length > 0) {
    violations.add(`${at}.org_ids`, 'must be there, or all_orgs: one of them');
  } else if (role === 'platform_admin' && !message.allOrgs) {
    violations.add(`${at}.org_ids`, 'must be empty: a platform_admin acts for every organization');
  }
  return { role, orgIds: message.allOrgs ? undefined : new Set(orgIds) };
}

function readNames(
  violations: Violations,
  field: string,
  names: readonly string[],
): readonly string[] {
  if (isTooLong(violations, field, names, maxCertificateNames)) return [];
  for (const [index, name] of names.entries()) {
    const at = `${field}[${index}]`;
    if (!certificateName.test(name)) {
      violations.add(at, 'must have 1 to 253 printable ASCII characters without spaces');
    } else if (names.indexOf(name) < index) violations.add(at, 'stands there twice');
  }
  return names;
}

/** Reads the instant from which a secret is expired, which must be later than now. */
export function readExpiry(
  violations: Violations,
  field: string,
  message: Timestamp | undefined,
  nowMs: number,
): number | undefined {
  const expiresAtMs = readInstant(violations, field, message);
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
    violations.add(field, 'must be in the future');
  }
  return expiresAtMs;
}

/** Reads how long a replaced secret stays valid, in milliseconds: 0 to 90 days, a day where it is not said. */
export function readOverlap(
  violations: Violations,
  field: string,
  overlap: Duration | undefined,
): number {
  if (overlap === undefined) return defaultOverlapMs;
  const overlapMs = Number(overlap.seconds) * 1000 + Math.ceil(overlap.nanos / 1_000_000);
  const isValid = overlap.seconds >= 0n && overlap.nanos >= 0 && overlap.nanos <= 999_999_999;
  if (!isValid || overlapMs > maxOverlapMs) violations.add(field, 'must be 0 to 90 days');
  return overlapMs;
}

/** Reads the id of a secret. */
export function readSecretId(violations: Violations, field: string, id: string): string {
  if (!/^[1-9]\d{0,8}$/.test(id)) violations.add(field, 'must be the id of a secret, a number');
  return id;
}

/** Writes an account as it is stored. */
export function accountToMessage({ record, ...stored }: StoredAccount): Account {
  return create(AccountSchema, {
    id: record.id,
    ...(record.displayName === '' ? {} : { displayName: record.displayName }),
    kind: AccountKind[record.kind],
    grants: record.grants.map(grantToMessage),
    certificateNames: [...record.certificateNames],
    state: AccountState[record.state],
    etag: stored.etag,
    createTime: timestampOf(stored.createdAtMs),
    updateTime: timestampOf(stored.updatedAtMs),
  });
}

const roleNumbers: Readonly<Record<Role, RoleNumber>> = {
  gateway: RoleNumber.GATEWAY,
  checker: RoleNumber.CHECKER,
  reporter: RoleNumber.REPORTER,
  org_viewer: RoleNumber.ORG_VIEWER,
  org_admin: RoleNumber.ORG_ADMIN,
  platform_admin: RoleNumber.PLATFORM_ADMIN,
};

/** Writes the number of a role. */
export function roleToMessage(role: Role): RoleNumber {
  return roleNumbers[role];
}

function grantToMessage({ role, orgIds }: Grant): GrantMessage {
  return create(GrantSchema, {
    role: roleToMessage(role),
    orgIds: [...(orgIds ?? [])],
    allOrgs: orgIds === undefined,
  });
}

/** Writes a secret as far as it may be shown. */
export function accountSecretToMessage(secret: StoredSecret): AccountSecret {
  const { expiresAtMs, revokedAtMs, lastUsedAtMs } = secret;
  return create(AccountSecretSchema, {
    accountId: secret.accountId,
    id: secret.id,
    lastFour: secret.lastFour,
    replacedBy: secret.replacedBy ?? '',
    ...(expiresAtMs === undefined ? {} : { expireTime: timestampOf(expiresAtMs) }),
    ...(revokedAtMs === undefined ? {} : { revokeTime: timestampOf(revokedAtMs) }),
    ...(lastUsedAtMs === undefined ? {} : { lastUseTime: timestampOf(lastUsedAtMs) }),
    etag: secret.etag,
    createTime: timestampOf(secret.createdAtMs),
  });
}
