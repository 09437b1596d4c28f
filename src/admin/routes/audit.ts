import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { AuditService } from '../../../gen/tollgate/admin/v1/audit_pb.ts';
import { platformChain } from '../../audit/audit-trail.ts';
import type { AuditTrail } from '../../audit/audit-trail.ts';
import { ServiceError } from '../../platform/service-error.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { Caller } from '../../service/caller.ts';
import { exportAuditEntries } from '../../service/admin/export-audit-entries.ts';
import {
  auditEntryToMessage,
  auditFilterFromMessage,
  auditHeadFromMessage,
  auditHeadToMessage,
  auditVerdictToMessage,
  readTimes,
} from '../../wire/admin/audit.ts';
import { readPage } from '../../wire/admin/page.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg, callerForPlatform, readLimits } from './caller.ts';
import { readOrgId } from './changes.ts';

/** The audit trail, for reading. */
export function auditRoutes(
  store: Pick<PolicyStore, 'getOrganization'>,
  trail: AuditTrail,
): ServiceImpl<typeof AuditService> {
  const requireChain = async (orgId: string): Promise<void> => {
    if (orgId !== platformChain) await store.getOrganization(orgId);
  };
  return {
    async listAuditEntries(request, context) {
      const { orgId, caller } = readChain(request.orgId, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = auditFilterFromMessage(violations, orgId, request);
      violations.throwIfAny();
      await requireChain(orgId);
      const { items, nextToken = '', head } = await trail.list(filter, page, readLimits(context));
      return {
        entries: items.map((entry) => auditEntryToMessage(entry, seesPeers(caller, orgId))),
        nextPageToken: nextToken,
        head: auditHeadToMessage(head),
      };
    },

    async getAuditEntry(request, context) {
      const { orgId, caller } = readChain(request.orgId, context);
      const violations = collectViolations();
      const { sequence } = request;
      if (sequence < 1n) violations.add('sequence', 'must be at least 1');
      violations.throwIfAny();
      await requireChain(orgId);
      const number = Number(sequence);
      const entry = Number.isSafeInteger(number)
        ? await trail.get(orgId, number, readLimits(context))
        : undefined;
      if (entry === undefined) {
        const message = `there is no entry ${sequence}`;
        throw new ServiceError('AUDIT_ENTRY_NOT_FOUND', message, { metadata: { name: orgId } });
      }
      return { entry: auditEntryToMessage(entry, seesPeers(caller, orgId)) };
    },

    async *exportAuditEntries(request, context) {
      const { orgId } = readChain(request.orgId, context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = { orgId, ...readTimes(violations, request) };
      violations.throwIfAny();
      await requireChain(orgId);
      for await (const { lines, nextToken } of exportAuditEntries(
        trail,
        filter,
        page,
        readLimits(context),
      )) {
        yield { jsonl: lines, nextPageToken: nextToken };
      }
    },

    async verifyAuditChain(request, context) {
      const { orgId } = readChain(request.orgId, context);
      const violations = collectViolations();
      const after = auditHeadFromMessage(violations, 'after', request.after);
      violations.throwIfAny();
      await requireChain(orgId);
      return auditVerdictToMessage(await trail.verify(orgId, after, readLimits(context)));
    },
  };
}

/** Which chain is asked for, and who asks. */
function readChain(
  named: string | undefined,
  context: HandlerContext,
): { readonly orgId: string; readonly caller: Caller } {
  if (named === undefined) return { orgId: platformChain, caller: callerForPlatform(context) };
  const orgId = readOrgId(named);
  return { orgId, caller: callerForOrg(context, orgId) };
}

/** Viewers see the names of accounts, and nothing else of them. */
function seesPeers({ administeredOrgIds }: Caller, orgId: string): boolean {
  return administeredOrgIds?.has(orgId) ?? true;
}
