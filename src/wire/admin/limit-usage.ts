import { create } from '@bufbuild/protobuf';
import {
  LimitStanding as StandingMessage,
  LimitUsageSchema,
  MeterUsageSchema,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import type {
  LimitUsage,
  ListLimitUsageRequest,
  MeterUsage as MeterUsageMessage,
} from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import type { LimitStanding } from '../../core/limit-standing.ts';
import { subjectKinds } from '../../core/subject.ts';
import type { SubjectKind } from '../../core/subject.ts';
import type { MeterUsage } from '../../service/admin/batch-get-usage.ts';
import type { LimitUsageFilter } from '../../service/admin/list-limit-usage.ts';
import { limitToMessage } from '../limit.ts';
import { meterToMessage } from '../meter.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { isTooLong, readEnum, readIdOrNone } from './fields.ts';
import { readSubject } from './policies.ts';

const maxSubjects = 100;
/** In the order of the proto's numbers. */
const standings = ['OK', 'NEAR', 'OVER'] as const;

/** Reads which limits are listed. */
export function limitUsageFilter(
  violations: Violations,
  orgId: string,
  { subjects, subjectKinds: kinds, tier, standing }: ListLimitUsageRequest,
): LimitUsageFilter {
  const isTooMany = isTooLong(violations, 'subjects', subjects, maxSubjects);
  return {
    orgId,
    subjects: isTooMany
      ? []
      : subjects.map((text, at) => readSubject(violations, `subjects[${at}]`, text)),
    kinds: readKinds(violations, kinds),
    tier: readIdOrNone(violations, 'tier', tier),
    standing: readStanding(violations, standing),
  };
}

function readKinds(violations: Violations, texts: readonly string[]): readonly SubjectKind[] {
  if (isTooLong(violations, 'subject_kinds', texts, subjectKinds.length)) return [];
  return texts.flatMap((text, at) => {
    const kind = subjectKinds.find((known) => known === text && known !== 'tier');
    if (kind !== undefined) return [kind];
    const known = subjectKinds.filter((one) => one !== 'tier').join(', ');
    violations.add(`subject_kinds[${at}]`, `must be one of ${known}`);
    return [];
  });
}

function readStanding(violations: Violations, number: number): LimitUsageFilter['standing'] {
  if (number === 0) return 'ANY';
  const standing = readEnum(violations, 'standing', number, standings, undefined);
  if (standing !== 'OK') return standing;
  if (number === 1) violations.add('standing', 'must be NEAR or OVER, or unspecified for any');
  return 'ANY';
}

/** Writes how a limit stands. */
export function limitUsageToMessage(found: LimitStanding): LimitUsage {
  const { limit, share, standing, exhaustsAtMs } = found;
  return create(LimitUsageSchema, {
    limit: limitToMessage(limit),
    share: Number(share) / 1e6,
    standing: StandingMessage[standing],
    ...(exhaustsAtMs === undefined ? {} : { exhaustTime: timestampOf(exhaustsAtMs) }),
  });
}

/** Writes what a meter says of one window. */
export function meterUsageToMessage({
  meter,
  bounds,
  totals,
  inFlight,
}: MeterUsage): MeterUsageMessage {
  const isEndless = bounds.endMs === Infinity;
  return create(MeterUsageSchema, {
    meter: meterToMessage(meter),
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
  });
}
