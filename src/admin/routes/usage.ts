import type { ServiceImpl } from '@connectrpc/connect';
import type { UsageService } from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import { meterOf, parseMeterName } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { orgSubject } from '../../core/subject.ts';
import type { createGetUsage } from '../../service/admin/get-usage.ts';
import type { createQueryUsage } from '../../service/admin/query-usage.ts';
import { readEnum } from '../../wire/admin/fields.ts';
import { windowNames } from '../../wire/admin/limits.ts';
import { idFault } from '../../wire/fields.ts';
import { meterToMessage } from '../../wire/meter.ts';
import { timestampOf } from '../../wire/time.ts';
import { unitsToMessage } from '../../wire/units.ts';
import { usageAnswerToMessage, usageQuestion } from '../../wire/admin/usage-queries.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { callerForOrg, readLimits } from './caller.ts';
import { readOrgId } from './changes.ts';

const maxMeterName = 20_000;

/** What the calls about usage work on. */
export interface UsageRouteParts {
  readonly getUsage: ReturnType<typeof createGetUsage>;
  readonly queryUsage: ReturnType<typeof createQueryUsage>;
}

/** Meters, and sums of usage over time. */
export function usageRoutes({
  getUsage,
  queryUsage,
}: UsageRouteParts): ServiceImpl<typeof UsageService> {
  return {
    async getUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const window = readEnum(violations, 'window', request.window, windowNames, undefined);
      const meter = readMeter(violations, request.meter);
      violations.throwIfAny();
      const { bounds, totals, inFlight, units } = await getUsage(orgId, meter, window);
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

    async queryUsage(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const question = usageQuestion(violations, orgId, request);
      violations.throwIfAny();
      return usageAnswerToMessage(await queryUsage(question, readLimits(context)), question);
    },
  };
}

function readMeter(violations: Violations, name: string): Meter {
  const meter = name.length > maxMeterName ? undefined : parseMeterName(name);
  if (meter !== undefined && idsOf(meter).every((id) => idFault(id) === undefined)) return meter;
  const examples = 'org, user:alice or team:red/user:alice';
  violations.add('meter', `must be the name of a meter, such as ${examples}`);
  return meterOf(orgSubject);
}

function idsOf({ subject, member, targets }: Meter): readonly string[] {
  const own = subject.kind === 'org' ? [] : [subject.id];
  return member === undefined ? [...own, ...targets] : [...own, member, ...targets];
}
