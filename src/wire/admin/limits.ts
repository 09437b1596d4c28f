import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { metricAmountForm, parseMetricAmount } from '../../core/metric-amount.ts';
import { byCodeUnit } from '../../core/meter.ts';
import { actions as coreActions } from '../../core/policy.ts';
import type { Action, Limit, LimitFor, Metric, Window } from '../../core/policy.ts';
import type { Subject } from '../../core/subject.ts';
import { maxLimitsOfPolicy as maxLimits } from '../../core/edit-limits.ts';
import { isTooLong, readEnum } from './fields.ts';
import { idFault, readId } from '../fields.ts';
import type { Violations } from '../violations.ts';

/** In the order of the proto's numbers. */
export const metricNames: readonly Metric[] = [
  'COST',
  'TOKENS',
  'INPUT_TOKENS',
  'OUTPUT_TOKENS',
  'REQUESTS',
  'CONCURRENCY',
];
export const windowNames: readonly Window[] = [
  'TEN_SECONDS',
  'MINUTE',
  'HOUR',
  'DAY',
  'WEEK',
  'MONTH',
  'LIFETIME',
];
export const actionNames: readonly Action[] = coreActions;

const maxThresholds = 10;
const maxTargets = 64;

/** Reads limits with different names, of a policy on `subject`; `at` is their field. */
export function readLimits(
  violations: Violations,
  at: string,
  all: readonly messages.Limit[],
  subject: Subject,
): Limit[] {
  if (isTooLong(violations, at, all, maxLimits)) return [];
  const limits = all.map((limit, index) =>
    readLimit(violations, `${at}[${index}]`, limit, subject),
  );
  for (const [index, { name }] of limits.entries()) {
    if (limits.findIndex((other) => other.name === name) < index) {
      violations.add(`${at}[${index}].name`, 'stands there twice');
    }
  }
  return limits;
}

/** Reads a limit of a policy on `subject`; `at` is its field. */
export function readLimit(
  violations: Violations,
  at: string,
  message: messages.Limit,
  subject: Subject,
): Limit {
  const metric = readEnum(violations, `${at}.metric`, message.metric, metricNames, undefined);
  return {
    name: readId(violations, `${at}.name`, message.name),
    metric,
    window: readWindow(violations, `${at}.window`, message.window, metric),
    amount: readBound(violations, `${at}.amount`, message.bound, metric),
    action: readEnum(violations, `${at}.action`, message.action, actionNames, 'BLOCK'),
    thresholds: readThresholds(violations, `${at}.thresholds`, message.thresholds, metric),
    for: readFor(violations, `${at}.applies_to`, message.appliesTo, subject),
    targets: readTargets(violations, `${at}.targets`, message.targets, maxTargets).toSorted(
      byCodeUnit,
    ),
    enabled: message.enabled ?? true,
  };
}

function readWindow(
  violations: Violations,
  field: string,
  number: number,
  metric: Metric,
): Window | undefined {
  if (metric !== 'CONCURRENCY') return readEnum(violations, field, number, windowNames, undefined);
  if (number !== 0) violations.add(field, 'must be absent: CONCURRENCY has no window');
  return undefined;
}

function readBound(
  violations: Violations,
  field: string,
  bound: messages.Limit['bound'],
  metric: Metric,
): bigint | undefined {
  if (bound.case === 'unlimited') return undefined;
  if (bound.case === 'amount') return readLimitAmount(violations, field, bound.value, metric);
  violations.add(field, 'is required: an amount, or unlimited');
  return undefined;
}

function readLimitAmount(
  violations: Violations,
  field: string,
  text: string,
  metric: Metric,
): bigint {
  const amount = parseMetricAmount(metric, text);
  if (amount === undefined) violations.add(field, `must be ${metricAmountForm(metric)}`);
  return amount ?? 0n;
}

function readThresholds(
  violations: Violations,
  field: string,
  message: messages.Thresholds | undefined,
  metric: Metric,
): readonly number[] {
  if (message === undefined) return metric === 'CONCURRENCY' ? [] : [80];
  const { percents } = message;
  if (metric === 'CONCURRENCY' && percents.length > 0) {
    violations.add(field, 'must be absent: CONCURRENCY has none');
  }
  if (isTooLong(violations, `${field}.percents`, percents, maxThresholds)) return [];
  for (const [index, percent] of percents.entries()) {
    const isAscending = index === 0 || percent > (percents[index - 1] ?? 0);
    if (percent < 1 || percent > 100 || !isAscending) {
      violations.add(`${field}.percents[${index}]`, 'must be 1 to 100, ascending');
    }
  }
  return metric === 'CONCURRENCY' ? [] : percents;
}

const defaultKinds = ['USER', 'KEY', 'CUSTOMER', 'PRINCIPAL', 'APP', 'TEAM', 'MEMBER'] as const;

function readFor(violations: Violations, field: string, text: string, subject: Subject): LimitFor {
  if (subject.kind === 'tier') {
    if (text !== '' && text !== 'USER') violations.add(field, 'must be USER on a tier');
    return { kind: 'USER' };
  }
  if (text === '' || text === 'SELF') return { kind: 'SELF' };
  const hasBelow = subject.kind === 'org' || subject.kind === 'team';
  const key = text.startsWith('LABEL:') ? text.slice(6) : undefined;
  const kind = defaultKinds.find((known) => known === text);
  if (kind === undefined && key === undefined) {
    const known = ['SELF', ...defaultKinds, 'LABEL:<key>'].join(', ');
    violations.add(field, `must be one of ${known}`);
  } else if (!hasBelow) violations.add(field, `must be SELF on a ${subject.kind}`);
  else if (kind === 'MEMBER' && subject.kind !== 'team') {
    violations.add(field, 'may be MEMBER on a team alone');
  }
  if (key !== undefined && hasBelow) {
    const fault = idFault(key) ?? (key.includes('=') ? 'must not contain = in the key' : undefined);
    if (fault !== undefined) violations.add(field, fault);
    return { kind: 'LABEL', key };
  }
  return { kind: kind ?? 'SELF' };
}

/** Reads target names, `group:<label>` and patterns. */
export function readTargets(
  violations: Violations,
  field: string,
  targets: readonly string[],
  most: number,
): readonly string[] {
  if (isTooLong(violations, field, targets, most)) return [];
  for (const [index, target] of targets.entries()) {
    const isGroup = target.startsWith('group:');
    const fault =
      idFault(isGroup ? target.slice(6) : target) ??
      (targets.indexOf(target) < index ? 'stands there twice' : undefined);
    if (fault !== undefined) violations.add(`${field}[${index}]`, fault);
  }
  return targets;
}
