import { quotaMetrics, quotaOf } from '../../core/edit-limits.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type { Limit } from '../../core/policy.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { LimitsRevocation } from '../../service/admin/revoke-limits.ts';
import type { LimitsUpdate } from '../../service/admin/update-limits.ts';
import { idFault, readId } from '../fields.ts';
import type { Violations } from '../violations.ts';
import { readIds } from './fields.ts';
import { readLimit, readLimits } from './limits.ts';
import { readSubject } from './policies.ts';

/** Leaves room in a limit's name for its metric. */
const maxQuotaName = 190;

/** Reads which limit is put. */
export function limitUpdateFromMessage(
  violations: Violations,
  { subject: text, limit: message }: messages.UpdateLimitRequest,
): LimitsUpdate {
  const subject = readSubject(violations, 'subject', text);
  if (message === undefined) throw invalidFields([{ field: 'limit', description: 'is required' }]);
  const limit = readLimit(violations, 'limit', message, subject);
  return { subject, put: [{ limit, etag: message.etag }], field: 'limit' };
}

/** Reads which limits are put. */
export function limitsUpdateFromMessage(
  violations: Violations,
  request: messages.UpdateLimitsRequest,
): LimitsUpdate {
  const subject = readSubject(violations, 'subject', request.subject);
  if (request.limits.length === 0) violations.add('limits', 'must name at least one limit');
  const limits = readLimits(violations, 'limits', request.limits, subject);
  const quota = readQuota(violations, request.quota);
  if (quota !== undefined) checkQuota(violations, quota, limits);
  const put = limits.map((limit, index) => ({ limit, etag: request.limits[index]?.etag ?? '' }));
  return { subject, put, quota, field: 'limits' };
}

/** The limits of a quota are named after it and their metrics, and count the same calls in the same window. */
function checkQuota(violations: Violations, quota: string, limits: readonly Limit[]): void {
  const [first] = limits;
  const known = Object.keys(quotaMetrics).map((part) => `${quota}.${part}`);
  for (const [index, limit] of limits.entries()) {
    if (quotaOf(limit) !== quota) {
      const description = `must be one of ${known.join(', ')}, and its metric as the name says`;
      violations.add(`limits[${index}].name`, description);
    }
    for (const field of ['window', 'for', 'targets'] as const) {
      if (JSON.stringify(limit[field]) === JSON.stringify(first?.[field])) continue;
      const name = field === 'for' ? 'applies_to' : field;
      violations.add(`limits[${index}].${name}`, 'must be that of the other limits of the quota');
    }
  }
}

/** Reads which limit is taken out. */
export function limitRevocationFromMessage(
  violations: Violations,
  request: messages.RevokeLimitRequest,
): LimitsRevocation {
  const subject = readSubject(violations, 'subject', request.subject);
  const names = [readId(violations, 'name', request.name)];
  return { subject, names, limitEtag: request.etag };
}

/** Reads which limits are taken out. */
export function limitsRevocationFromMessage(
  violations: Violations,
  request: messages.RevokeLimitsRequest,
): LimitsRevocation {
  const subject = readSubject(violations, 'subject', request.subject);
  const names = readIds(violations, 'names', request.names, maxNames);
  const quota = readQuota(violations, request.quota);
  if (request.quota === '' && request.names.length === 0) {
    violations.add('names', 'is required, unless a quota is named');
  } else if (request.quota !== '' && request.names.length > 0) {
    violations.add('quota', 'must be empty where limits are named');
  }
  return { subject, names, quota, etag: request.etag };
}

const maxNames = 200;

/** Undefined where there is none, or none that can be read. */
function readQuota(violations: Violations, text: string): string | undefined {
  if (text === '') return undefined;
  const isLong = text.length > maxQuotaName;
  const fault = isLong ? `must have at most ${maxQuotaName} characters` : idFault(text);
  if (fault === undefined) return text;
  violations.add('quota', fault);
  return undefined;
}
