import { create } from '@bufbuild/protobuf';
import {
  CredentialState,
  KeySchema,
  TokenSchema,
} from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import type { Key, Token } from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import type { Credential } from '../../core/directory.ts';
import type { Stored } from '../../policies/policy-store.ts';
import { storedFields } from './directory.ts';
import { readDisplayName, readEnum, readIdOrNone, readIds, readInstant } from './fields.ts';
import { readId } from '../fields.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';

const states = ['ACTIVE', 'DISABLED', 'REVOKED'] as const;
const maxScopes = 32;

/** The scope of a credential that names none. */
const defaultScopes = ['model.invoke'];

/** Reads a key or a token; the last four characters of its secret are the store's to say. */
export function credentialFromMessage(
  kind: 'key' | 'token',
  violations: Violations,
  at: string,
  message: Key | Token,
): Credential {
  const bound = (field: 'user' | 'team' | 'principal' | 'app' | 'customer'): string | undefined =>
    readIdOrNone(violations, `${at}.${field}`, message[field]);
  const scopes = readIds(violations, `${at}.scopes`, message.scopes, maxScopes);
  const state = readEnum(violations, `${at}.state`, message.state, states, 'ACTIVE');
  if (state === 'REVOKED') violations.add(`${at}.state`, 'is set by revoking, with a reason');
  return {
    kind,
    id: readId(violations, `${at}.id`, message.id),
    displayName: readDisplayName(violations, at, message.displayName),
    user: bound('user'),
    team: bound('team'),
    principal: bound('principal'),
    app: bound('app'),
    customer: bound('customer'),
    scopes: scopes.length === 0 ? defaultScopes : scopes,
    state,
    expiresAtMs: readInstant(violations, `${at}.expire_time`, message.expireTime),
    lastFour: '',
  };
}

function fieldsOf({ record, ...stored }: Stored<Credential>) {
  const { expiresAtMs } = record;
  return {
    id: record.id,
    displayName: record.displayName || undefined,
    user: record.user,
    team: record.team,
    principal: record.principal,
    app: record.app,
    customer: record.customer,
    scopes: [...record.scopes],
    state: CredentialState[record.state],
    lastFour: record.lastFour,
    ...(expiresAtMs === undefined ? {} : { expireTime: timestampOf(expiresAtMs) }),
    ...storedFields(stored),
  };
}

/** Writes a key as it is stored. */
export function keyToMessage(stored: Stored<Credential>): Key {
  return create(KeySchema, fieldsOf(stored));
}

/** Writes a token as it is stored. */
export function tokenToMessage(stored: Stored<Credential>): Token {
  return create(TokenSchema, fieldsOf(stored));
}
