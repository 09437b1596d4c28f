import { create } from '@bufbuild/protobuf';
import {
  AppSchema,
  CustomerSchema,
  PrincipalKind,
  PrincipalSchema,
  SubjectState,
  TeamSchema,
  TierSchema,
  UserSchema,
} from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import type { Principal, Registered, Team, User } from '../../core/directory.ts';
import type { ListedTier, TeamCounts } from '../../policies/directory-counts.ts';
import type { Stored } from '../../policies/policy-store.ts';
import { readDisplayName, readEnum, readIdOrNone, readIds, readText } from './fields.ts';
import { readId } from '../fields.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';

/** In the order of the proto's numbers. */
export const subjectStates = ['ACTIVE', 'SUSPENDED'] as const;
/** In the order of the proto's numbers. */
export const principalKinds = ['AGENT', 'SERVICE', 'HUMAN'] as const;
const maxPurpose = 1000;
const maxIds = 32;

/** What every record says of itself: id and display name. */
function registered(
  violations: Violations,
  prefix: string,
  message: { readonly id: string; readonly displayName?: string | undefined },
): Registered {
  return {
    id: readId(violations, `${prefix}.id`, message.id),
    displayName: readDisplayName(violations, prefix, message.displayName),
  };
}

/** What every stored record answers beside its content. */
export function storedFields(stored: Omit<Stored<unknown>, 'record'>) {
  return {
    etag: stored.etag,
    createTime: timestampOf(stored.createdAtMs),
    updateTime: timestampOf(stored.updatedAtMs),
  };
}

/** Reads a team. */
export function teamFromMessage(violations: Violations, at: string, message: messages.Team): Team {
  return {
    ...registered(violations, at, message),
    parent: readIdOrNone(violations, `${at}.parent`, message.parent),
    state: readEnum(violations, `${at}.state`, message.state, subjectStates, 'ACTIVE'),
  };
}

/** Writes a team as it is stored. */
export function teamToMessage({ record, ...stored }: Stored<Team>): messages.Team {
  const { id, displayName, parent, state } = record;
  return create(TeamSchema, {
    id,
    displayName: displayName || undefined,
    parent,
    state: SubjectState[state],
    ...storedFields(stored),
  });
}

/** A team with how many members and children it has. */
export function withTeamCounts(team: messages.Team, counts: TeamCounts | undefined): messages.Team {
  const { members = 0, children = 0 } = counts ?? {};
  return { ...team, memberCount: BigInt(members), childCount: BigInt(children) };
}

/** Writes a tier. */
export function tierToMessage({ id, users, hasPolicy }: ListedTier): messages.Tier {
  return create(TierSchema, { id, userCount: BigInt(users), hasPolicy });
}

/** Reads a user. */
export function userFromMessage(violations: Violations, at: string, message: messages.User): User {
  return {
    ...registered(violations, at, message),
    teams: readIds(violations, `${at}.teams`, message.teams, maxIds),
    tier: readIdOrNone(violations, `${at}.tier`, message.tier),
    state: readEnum(violations, `${at}.state`, message.state, subjectStates, 'ACTIVE'),
  };
}

/** Writes a user as it is stored. */
export function userToMessage({ record, ...stored }: Stored<User>): messages.User {
  const { id, displayName, teams, tier, state } = record;
  return create(UserSchema, {
    id,
    displayName: displayName || undefined,
    teams: [...teams],
    tier,
    state: SubjectState[state],
    ...storedFields(stored),
  });
}

/** Reads a principal; its namespace defaults to the tenant's. */
export function principalFromMessage(
  violations: Violations,
  at: string,
  message: messages.Principal,
  orgId: string,
): Principal {
  return {
    ...registered(violations, at, message),
    kind: readEnum(violations, `${at}.kind`, message.kind, principalKinds, 'SERVICE'),
    namespace: readIdOrNone(violations, `${at}.namespace`, message.namespace) ?? `tenant:${orgId}`,
    groups: readIds(violations, `${at}.groups`, message.groups, maxIds),
    app: readIdOrNone(violations, `${at}.app`, message.app),
    purpose: readText(violations, `${at}.purpose`, message.purpose, maxPurpose),
  };
}

/** Writes a principal as it is stored. */
export function principalToMessage({ record, ...stored }: Stored<Principal>): messages.Principal {
  const { id, displayName, groups, app, kind, namespace, purpose } = record;
  return create(PrincipalSchema, {
    id,
    displayName: displayName || undefined,
    namespace,
    groups: [...groups],
    app,
    purpose: purpose || undefined,
    kind: PrincipalKind[kind],
    ...storedFields(stored),
  });
}

/** Reads an app or a customer. */
export function registeredFromMessage(
  violations: Violations,
  at: string,
  message: messages.App | messages.Customer,
): Registered {
  return registered(violations, at, message);
}

/** Writes an app as it is stored. */
export function appToMessage({ record, ...stored }: Stored<Registered>): messages.App {
  const { id, displayName } = record;
  return create(AppSchema, {
    id,
    displayName: displayName || undefined,
    ...storedFields(stored),
  });
}

/** Writes a customer as it is stored. */
export function customerToMessage({ record, ...stored }: Stored<Registered>): messages.Customer {
  const { id, displayName } = record;
  return create(CustomerSchema, {
    id,
    displayName: displayName || undefined,
    ...storedFields(stored),
  });
}
