import type { ServiceImpl } from '@connectrpc/connect';
import { AccountSchema } from '../../../gen/tollgate/admin/v1/access_pb.ts';
import type {
  AccessService,
  CreateAccountSecretRequest,
  RotateAccountSecretRequest,
} from '../../../gen/tollgate/admin/v1/access_pb.ts';
import { methodsOf } from '../../auth/rights.ts';
import type { Clock } from '../../platform/clock.ts';
import type { AccountRecord, AccountStore, StoredAccount } from '../../service/admin/accounts.ts';
import { conditionalUpdate } from '../../service/admin/conditional-update.ts';
import { makeAccountSecret } from '../../service/admin/make-account-secret.ts';
import {
  accountFromMessage,
  accountSecretToMessage,
  accountToMessage,
  readExpiry,
  readOverlap,
  readRole,
  readSecretId,
  roleToMessage,
} from '../../wire/admin/access.ts';
import { readPage } from '../../wire/admin/page.ts';
import { faultsOfUpdated, readUpdateMask, updatedMessage } from '../../wire/admin/update-mask.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { callerForOrg, callerOf } from './caller.ts';
import { inField, readChange, readOrgId, required } from './changes.ts';

const field = 'account';

/** Accounts of people and services, and their secrets. */
export function accessRoutes(
  accounts: AccountStore,
  clock: Clock,
): ServiceImpl<typeof AccessService> {
  return {
    async getCaller(_request, context) {
      const own = await accounts.own(callerOf(context));
      return {
        account: accountToMessage(own),
        roleMethods: own.record.grants.map(({ role }) => ({
          role: roleToMessage(role),
          ...methodsOf(role),
        })),
      };
    },

    async createAccount(request, context) {
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
      const account = accountFromMessage(violations, field, required(request.account, field));
      violations.throwIfAny();
      const created = await inField(field, accounts.create(callerOf(context), account, by));
      return { account: accountToMessage(created) };
    },

    async getAccount(request, context) {
      const violations = collectViolations();
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      return { account: accountToMessage(await accounts.get(callerOf(context), id)) };
    },

    async listAccounts(request, context) {
      const orgId = request.orgId === '' ? undefined : readOrgId(request.orgId);
      const caller = orgId === undefined ? callerOf(context) : callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const role = request.role === 0 ? undefined : readRole(violations, 'role', request.role);
      violations.throwIfAny();
      const { items, nextToken = '' } = await accounts.list(caller, { orgId, role }, page);
      return { accounts: items.map(accountToMessage), nextPageToken: nextToken };
    },

    async updateAccount(request, context) {
      const caller = callerOf(context);
      const sent = required(request.account, field);
      const updated = readUpdateMask(AccountSchema, sent, request.updateMask);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', sent.etag);
      accountFromMessage(faultsOfUpdated(violations, field, updated), field, sent);
      violations.throwIfAny();
      const stored = await conditionalUpdate({
        etag: sent.etag,
        read: () => accounts.get(caller, sent.id),
        write: (present, etag) => {
          if (present === undefined) throw new Error('an account that was read is missing');
          const open = { ...present, record: { ...present.record, state: openState(present) } };
          const full = updatedMessage(AccountSchema, sent, accountToMessage(open), updated);
          const faults = collectViolations();
          const account = accountFromMessage(faults, field, full);
          faults.throwIfAny();
          return inField(field, accounts.update(caller, account, { ...by, etag }));
        },
      });
      return { account: accountToMessage(stored) };
    },

    async revokeAccount(request, context) {
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', request.etag);
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      return { account: accountToMessage(await accounts.revoke(callerOf(context), id, by)) };
    },

    async createAccountSecret(request, context) {
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
      const { accountId, expiresAtMs } = readNewSecret(violations, request, clock);
      violations.throwIfAny();
      const { make, shown } = makeAccountSecret(expiresAtMs);
      const made = await accounts.createSecret(callerOf(context), accountId, make, by);
      return { accountSecret: accountSecretToMessage(made.secret), secret: shown(made, by) };
    },

    async listAccountSecrets(request, context) {
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const accountId = readId(violations, 'account_id', request.accountId);
      violations.throwIfAny();
      const { items, nextToken = '' } = await accounts.listSecrets(
        callerOf(context),
        accountId,
        page,
      );
      return { accountSecrets: items.map(accountSecretToMessage), nextPageToken: nextToken };
    },

    async rotateAccountSecret(request, context) {
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', request.etag);
      const { expiresAtMs, ...which } = readRotation(violations, request, clock);
      violations.throwIfAny();
      const { make, shown } = makeAccountSecret(expiresAtMs);
      const made = await accounts.rotateSecret(callerOf(context), which, make, by);
      return {
        accountSecret: accountSecretToMessage(made.secret),
        secret: shown(made, by),
        replaced: accountSecretToMessage(made.replaced),
      };
    },

    async revokeAccountSecret(request, context) {
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', request.etag);
      const which = {
        accountId: readId(violations, 'account_id', request.accountId),
        id: readSecretId(violations, 'id', request.id),
      };
      violations.throwIfAny();
      const revoked = await accounts.revokeSecret(callerOf(context), which, by);
      return { accountSecret: accountSecretToMessage(revoked) };
    },
  };
}

/** A revoked account is refused by the store, which still knows a repeat of an earlier change of it. */
function openState({ record }: StoredAccount): AccountRecord['state'] {
  return record.state === 'REVOKED' ? 'DISABLED' : record.state;
}

function readNewSecret(
  violations: Violations,
  request: CreateAccountSecretRequest,
  clock: Clock,
): { readonly accountId: string; readonly expiresAtMs: number | undefined } {
  const { accountId, expireTime } = required(request.accountSecret, 'account_secret');
  return {
    accountId: readId(violations, 'account_secret.account_id', accountId),
    expiresAtMs: readExpiry(violations, 'account_secret.expire_time', expireTime, clock.nowMs()),
  };
}

function readRotation(
  violations: Violations,
  { accountId, id, overlap, expireTime }: RotateAccountSecretRequest,
  clock: Clock,
) {
  return {
    accountId: readId(violations, 'account_id', accountId),
    id: readSecretId(violations, 'id', id),
    overlapMs: readOverlap(violations, 'overlap', overlap),
    expiresAtMs: readExpiry(violations, 'expire_time', expireTime, clock.nowMs()),
  };
}
