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

/** In the order of the proto's numbers. */
export const credentialStates = ['ACTIVE', 'DISABLED', 'REVOKED'] as const;
const environmentPattern = /^[a-z0-9_.-]{1,64}$/;
const maxScopes = 32;

/** The scope of a credential that names none. */
const defaultScopes = ['model.invoke'];

/** Reads a key or a token; the last four characters of its secret are the store's to say. */
export function credentialFromMessage(
  kind: 'key' | 'token',
  violations: Violations,
  at: string,
  message: Key | Token,
  orgId: string,
): Credential {
  const bound = (field: 'user' | 'team' | 'principal' | 'app' | 'customer'): string | undefined =>
    readIdOrNone(violations, `${at}.${field}`, message[field]);
  const scopes = readIds(violations, `${at}.scopes`, message.scopes, maxScopes);
  const state = readEnum(violations, `${at}.state`, message.state, credentialStates, 'ACTIVE');
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
    environment:
      message.$typeName === KeySchema.typeName
        ? readEnvironment(violations, `${at}.environment`, message.environment)
        : undefined,
    namespace:
      message.$typeName === KeySchema.typeName
        ? undefined
        : (readIdOrNone(violations, `${at}.namespace`, message.namespace) ?? `tenant:${orgId}`),
    scopes: scopes.length === 0 ? defaultScopes : scopes,
    state,
    expiresAtMs: readInstant(violations, `${at}.expire_time`, message.expireTime),
    lastFour: '',
  };
}

/** Reads where a key is used; none is empty. */
export function readEnvironment(
  violations: Violations,
  field: string,
  text: string | undefined = '',
): string | undefined {
  if (text === '') return undefined;
  if (!environmentPattern.test(text)) violations.add(field, 'must be 1 to 64 of a-z 0-9 _ . -');
  return text;
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
  return create(KeySchema, { ...fieldsOf(stored), environment: stored.record.environment });
}

/** Writes a token as it is stored. */
export function tokenToMessage(stored: Stored<Credential>): Token {
  return create(TokenSchema, { ...fieldsOf(stored), namespace: stored.record.namespace });
}
