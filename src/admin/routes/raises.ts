import type { ServiceImpl } from '@connectrpc/connect';
import type { RaiseService } from '../../../gen/tollgate/admin/v1/raises_pb.ts';
import type { Clock } from '../../platform/clock.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import {
  raiseChangeToMessage,
  raiseFilterFromMessage,
  raiseFromMessage,
  raiseToMessage,
} from '../../wire/admin/raises.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { callerForOrg } from './caller.ts';
import { readChange, readOrgId, required } from './changes.ts';

/** Temporary raises of limits. */
export function raiseRoutes(store: PolicyStore, clock: Clock): ServiceImpl<typeof RaiseService> {
  return {
    async createRaise(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const sent = required(request.limitRaise, 'limit_raise');
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
      requireReason(violations, request.reason);
      const raise = raiseFromMessage(violations, sent);
      violations.throwIfAny();
      return raiseChangeToMessage(await store.createRaise(orgId, raise, by), clock.nowMs());
    },

    async getRaise(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      return { limitRaise: raiseToMessage(await store.getRaise(orgId, id), clock.nowMs()) };
    },

    async listRaises(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = raiseFilterFromMessage(violations, request);
      violations.throwIfAny();
      const listed = await store.listRaises(orgId, filter, page);
      const raises = listed.items.map((stored) => raiseToMessage(stored, clock.nowMs()));
      return { raises, nextPageToken: pageAnswer(listed).nextPageToken };
    },

    async revokeRaise(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      requireReason(violations, request.reason);
      const id = readId(violations, 'id', request.id);
      violations.throwIfAny();
      return raiseChangeToMessage(await store.revokeRaise(orgId, id, by), clock.nowMs());
    },
  };
}

function requireReason(violations: Violations, reason: string): void {
  if (reason.trim() === '') violations.add('reason', 'is required');
}
