import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  CredentialState,
  KeySchema,
  TokenSchema,
} from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import type {
  CredentialService,
  Key,
  Token,
} from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import type { Credential } from '../../core/directory.ts';
import type { PolicyStore, Stored } from '../../policies/policy-store.ts';
import {
  credentialFromMessage,
  keyToMessage,
  tokenToMessage,
} from '../../wire/admin/credentials.ts';
import { readId } from '../../wire/fields.ts';
import { keyFilters, tokenFilters } from '../../wire/admin/list-filters.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { createCredential } from '../../service/admin/create-credential.ts';
import { revokeCredential } from '../../service/admin/revoke-credential.ts';
import { callerForOrg } from './caller.ts';
import { inField, readChange, readOrgId, required } from './changes.ts';
import type { ChangeRequest } from './changes.ts';
import { recordMethods } from './records.ts';

type Kind = 'key' | 'token';

interface CreateRequest extends ChangeRequest {
  readonly orgId: string;
}

interface RevokeRequest extends CreateRequest {
  readonly id: string;
  readonly etag: string;
}

/** API keys and safe tokens. */
export function credentialRoutes(store: PolicyStore): ServiceImpl<typeof CredentialService> {
  const reader =
    (kind: Kind) =>
    (violations: Violations, at: string, message: Key | Token, orgId: string): Credential =>
      credentialFromMessage(kind, violations, at, message, orgId);
  const keys = recordMethods(store, {
    kind: 'key',
    desc: KeySchema,
    field: 'key',
    read: reader('key'),
    write: keyToMessage,
    unmasked: withoutRevocation,
  });
  const tokens = recordMethods(store, {
    kind: 'token',
    desc: TokenSchema,
    field: 'token',
    read: reader('token'),
    write: tokenToMessage,
    unmasked: withoutRevocation,
  });
  return {
    async createKey(request, context) {
      const { stored, secret } = await createOne('key', request, request.key, context);
      return { key: keyToMessage(stored), secret };
    },
    getKey: async (request, context) => ({ key: await keys.get(request, context) }),
    batchGetKeys: async (request, context) => {
      const { records, missingIds } = await keys.batchGet(request, context);
      return { keys: records, missingIds };
    },
    async listKeys(request, context) {
      const { records, page } = await keys.list(request, context, keyFilters);
      return { keys: records, ...page };
    },
    updateKey: async (request, context) => ({
      key: await keys.update(request, request.key, context),
    }),
    revokeKey: async (request, context) => ({
      key: keyToMessage(await revoke('key', request, context)),
    }),

    async createToken(request, context) {
      const { stored, secret } = await createOne('token', request, request.token, context);
      return { token: tokenToMessage(stored), secret };
    },
    getToken: async (request, context) => ({ token: await tokens.get(request, context) }),
    batchGetTokens: async (request, context) => {
      const { records, missingIds } = await tokens.batchGet(request, context);
      return { tokens: records, missingIds };
    },
    async listTokens(request, context) {
      const { records, page } = await tokens.list(request, context, tokenFilters);
      return { tokens: records, ...page };
    },
    updateToken: async (request, context) => ({
      token: await tokens.update(request, request.token, context),
    }),
    revokeToken: async (request, context) => ({
      token: tokenToMessage(await revoke('token', request, context)),
    }),
  };

  async function createOne(
    kind: Kind,
    request: CreateRequest,
    message: Key | Token | undefined,
    context: HandlerContext,
  ): Promise<{ stored: Stored<Credential>; secret: string }> {
    const orgId = readOrgId(request.orgId);
    callerForOrg(context, orgId);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'create');
    const read = credentialFromMessage(kind, violations, kind, required(message, kind), orgId);
    violations.throwIfAny();
    const { stored, secret = '' } = await inField(kind, createCredential(store, orgId, read, by));
    return { stored, secret };
  }

  async function revoke(
    kind: Kind,
    request: RevokeRequest,
    context: HandlerContext,
  ): Promise<Stored<Credential>> {
    const orgId = readOrgId(request.orgId);
    callerForOrg(context, orgId);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'update');
    const id = readId(violations, 'id', request.id);
    violations.throwIfAny();
    return revokeCredential(store, { orgId, kind, id, etag: request.etag }, by);
  }
}

/**
 * A revoked credential as an update with a mask takes it: as if it could be changed. The store refuses that,
 * with the reason that holds for every change of it, and still knows a repeat of a change made before.
 */
function withoutRevocation<Message extends Key | Token>(message: Message): Message {
  if (message.state !== CredentialState.REVOKED) return message;
  return { ...message, state: CredentialState.UNSPECIFIED };
}
