import type { ServiceImpl } from '@connectrpc/connect';
import type { UsageService } from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import { meterOf, parseMeterName } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { orgSubject } from '../../core/subject.ts';
import type { createAdjustUsage } from '../../service/admin/adjust-usage.ts';
import {
  adjustedToMessage,
  adjustmentFromMessage,
  readMetrics,
  requireReason,
  resetToMessage,
} from '../../wire/admin/usage-changes.ts';
import type { createBatchGetUsage } from '../../service/admin/batch-get-usage.ts';
import type { createListLimitUsage } from '../../service/admin/list-limit-usage.ts';
import type { createListTierUsage } from '../../service/admin/list-tier-usage.ts';
import type { createGetUsage } from '../../service/admin/get-usage.ts';
import { exportUsage } from '../../service/admin/export-usage.ts';
import type { UsageExports } from '../../service/admin/usage-export.ts';
import { exportText, usageExport } from '../../wire/admin/usage-export.ts';
import { listHolds } from '../../service/admin/list-holds.ts';
import type { Holds } from '../../service/admin/list-holds.ts';
import type { createPriceCall } from '../../service/admin/price-call.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { createQueryUsage } from '../../service/admin/query-usage.ts';
import { isTooLong, readEnum } from '../../wire/admin/fields.ts';
import {
  limitUsageFilter,
  limitUsageToMessage,
  meterUsageToMessage,
} from '../../wire/admin/limit-usage.ts';
import { readPage } from '../../wire/admin/page.ts';
import { readSubject } from '../../wire/admin/policies.ts';
import { windowNames } from '../../wire/admin/limits.ts';
import { callToPrice, holdToMessage, pricedCallToMessage } from '../../wire/admin/holds.ts';
import { idFault } from '../../wire/fields.ts';
import { meterToMessage } from '../../wire/meter.ts';
import { timestampOf } from '../../wire/time.ts';
import { unitsToMessage } from '../../wire/units.ts';
import { usageAnswerToMessage, usageQuestion } from '../../wire/admin/usage-queries.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { callerForOrg, readLimits } from './caller.ts';
import { readChange, readOrgId } from './changes.ts';

const maxMeterName = 20_000;
const maxMeters = 1_000;

/** What the calls about usage work on. */
export interface UsageRouteParts {
  readonly getUsage: ReturnType<typeof createGetUsage>;
  readonly batchGetUsage: ReturnType<typeof createBatchGetUsage>;
  readonly listLimitUsage: ReturnType<typeof createListLimitUsage>;
  readonly listTierUsage: ReturnType<typeof createListTierUsage>;
  readonly queryUsage: ReturnType<typeof createQueryUsage>;
  readonly holds: Holds;
  readonly exports: UsageExports;
  readonly priceCall: ReturnType<typeof createPriceCall>;
  readonly adjustUsage: ReturnType<typeof createAdjustUsage>;
  readonly store: Pick<PolicyStore, 'getOrganization' | 'changeUsage'>;
}

/** Meters, how limits stand on them, and sums of usage over time. */
export function usageRoutes(parts: UsageRouteParts): ServiceImpl<typeof UsageService> {
  return {
    async getUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const window = readEnum(violations, 'window', request.window, windowNames, undefined);
      const meter = readMeter(violations, 'meter', request.meter);
      violations.throwIfAny();
      const { bounds, totals, inFlight, units } = await parts.getUsage(orgId, meter, window);
      const isEndless = window === 'LIFETIME';
      return {
        meter: meterToMessage(meter),
        window: request.window,
        ...(isEndless ? {} : { startTime: timestampOf(bounds.startMs) }),
        ...(isEndless ? {} : { endTime: timestampOf(bounds.endMs) }),
        costNanos: totals.usedCost,
        inputTokens: totals.usedInput,
        outputTokens: totals.usedOutput,
        tokens: totals.usedInput + totals.usedOutput,
        requestCount: totals.usedRequests,
        heldCostNanos: totals.heldCost,
        heldTokens: totals.heldInput + totals.heldOutput,
        inFlightCount: inFlight,
        units: unitsToMessage(units),
      };
    },

    async batchGetUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const window = readEnum(violations, 'window', request.window, windowNames, undefined);
      const meters = readMeters(violations, request.meters);
      violations.throwIfAny();
      const usages = await parts.batchGetUsage(orgId, meters, window, readLimits(context));
      return { usages: usages.map(meterUsageToMessage) };
    },

    async listLimitUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = limitUsageFilter(violations, orgId, request);
      violations.throwIfAny();
      const listed = await parts.listLimitUsage(filter, page, readLimits(context));
      const { items, nextToken = '' } = listed;
      return { limits: items.map(limitUsageToMessage), nextPageToken: nextToken };
    },

    async listTierUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const window = readEnum(violations, 'window', request.window, windowNames, undefined);
      violations.throwIfAny();
      const listed = await parts.listTierUsage(orgId, window, page, readLimits(context));
      const { items, nextToken = '' } = listed;
      const tiers = items.map((one) => {
        return { tier: one.meter.subject.id, usage: meterUsageToMessage(one) };
      });
      return { tiers, nextPageToken: nextToken };
    },

    async listHolds(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const subject =
        request.subject === '' ? undefined : readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const listed = await listHolds(parts, orgId, subject, page, readLimits(context));
      return { holds: listed.items.map(holdToMessage), nextPageToken: listed.nextToken ?? '' };
    },

    async priceCall(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const call = callToPrice(violations, orgId, request);
      violations.throwIfAny();
      return pricedCallToMessage(await parts.priceCall(call));
    },

    async adjustUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      requireReason(violations, request.reason);
      const adjustment = adjustmentFromMessage(violations, request);
      violations.throwIfAny();
      return adjustedToMessage(await parts.adjustUsage(orgId, adjustment, by));
    },

    async resetUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      requireReason(violations, request.reason);
      const meter = readMeter(violations, 'meter', request.meter);
      const window = readEnum(violations, 'window', request.window, windowNames, undefined);
      const metrics = readMetrics(violations, request.metrics);
      violations.throwIfAny();
      const change = { kind: 'RESET', meter, window, metrics } as const;
      return resetToMessage(await parts.store.changeUsage(orgId, change, by));
    },

    async exportUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const { of, format } = usageExport(violations, orgId, request);
      violations.throwIfAny();
      const exported = await exportUsage(parts, of, page, readLimits(context));
      return { text: exportText(exported, format), nextPageToken: exported.nextToken ?? '' };
    },

    async queryUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const question = usageQuestion(violations, orgId, request);
      violations.throwIfAny();
      return usageAnswerToMessage(await parts.queryUsage(question, readLimits(context)), question);
    },
  };
}

function readMeter(violations: Violations, field: string, name: string): Meter {
  const meter = name.length > maxMeterName ? undefined : parseMeterName(name);
  if (meter !== undefined && idsOf(meter).every((id) => idFault(id) === undefined)) return meter;
  const examples = 'org, user:alice or team:red/user:alice';
  violations.add(field, `must be the name of a meter, such as ${examples}`);
  return meterOf(orgSubject);
}

function readMeters(violations: Violations, names: readonly string[]): readonly Meter[] {
  if (names.length === 0) violations.add('meters', 'must not be empty');
  if (isTooLong(violations, 'meters', names, maxMeters)) return [];
  const known = new Set<string>();
  return names.map((name, at) => {
    if (known.has(name)) violations.add(`meters[${at}]`, 'stands there twice');
    known.add(name);
    return readMeter(violations, `meters[${at}]`, name);
  });
}

function idsOf({ subject, member, targets }: Meter): readonly string[] {
  const own = subject.kind === 'org' ? [] : [subject.id];
  return member === undefined ? [...own, ...targets] : [...own, member, ...targets];
}
