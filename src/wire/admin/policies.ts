import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { metricAmountForm, parseMetricAmount } from '../../core/metric-amount.ts';
import { byCodeUnit } from '../../core/meter.ts';
import { familiesOf, maxFamiliesOfPolicy } from '../../core/meters.ts';
import { actions as coreActions } from '../../core/policy.ts';
import type {
  Access,
  Action,
  Bypass,
  Limit,
  LimitFor,
  Metric,
  Policy,
  Window,
} from '../../core/policy.ts';
import { parseSubject } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { isTooLong, readEnum, readInstant, readText } from './fields.ts';
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
export const accessModes = ['NARROW', 'REPLACE'] as const;

const maxLimits = 200;
const maxThresholds = 10;
const maxTargets = 64;
const maxAccessEntries = 256;
const maxNotes = 2000;

/** Reads a subject in its raw form; `label:key=value` needs its `=`. */
export function readSubject(violations: Violations, field: string, text: string): Subject {
  const subject = parseSubject(text);
  if (subject === undefined) {
    violations.add(field, 'must be org, or kind:id of a known kind');
    return { kind: 'org', id: '' };
  }
  const fault = subject.kind === 'org' ? undefined : idFault(subject.id);
  if (fault !== undefined) violations.add(field, fault);
  else if (subject.kind === 'label' && !/^[^=]+=/.test(subject.id)) {
    violations.add(field, 'must be label:<key>=<value>');
  }
  return subject;
}

/** Reads a policy in full. Its revision is the store's to give. */
export function policyFromMessage(violations: Violations, message: messages.Policy): Policy {
  const subject = readSubject(violations, 'policy.subject', message.subject);
  const isTooMany = isTooLong(violations, 'policy.limits', message.limits, maxLimits);
  const limits = (isTooMany ? [] : message.limits).map((limit, index) =>
    readLimit(violations, `policy.limits[${index}]`, limit, subject),
  );
  for (const [index, { name }] of limits.entries()) {
    if (limits.findIndex((other) => other.name === name) < index) {
      violations.add(`policy.limits[${index}].name`, 'stands there twice');
    }
  }
  if (familiesOf({ subject, limits }).length > maxFamiliesOfPolicy) {
    const counted = 'combinations of applies_to and targets that are counted apart';
    violations.add('policy.limits', `must have at most ${maxFamiliesOfPolicy} ${counted}`);
  }
  const notes = readText(violations, 'policy.notes', message.notes, maxNotes);
  return {
    subject,
    revision: 0,
    limits,
    access: message.access && readAccess(violations, message.access, subject),
    bypass: message.bypass && readBypass(violations, message.bypass, subject, notes),
    notes,
  };
}

function readLimit(
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
function readTargets(
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

function readAccess(violations: Violations, message: messages.Access, subject: Subject): Access {
  const at = 'policy.access';
  if (subject.kind === 'customer' || subject.kind === 'label') {
    violations.add(at, `must be absent on a ${subject.kind}`);
  }
  if (message.maxTier !== undefined && message.maxTier < 0) {
    violations.add(`${at}.max_tier`, 'must not be negative');
  }
  const mode = readEnum(violations, `${at}.mode`, message.mode, accessModes, 'NARROW');
  if (mode === 'REPLACE' && subject.kind !== 'user') {
    violations.add(`${at}.mode`, 'may be REPLACE on a user alone');
  }
  return {
    allow: readTargets(violations, `${at}.allow`, message.allow, maxAccessEntries),
    deny: readTargets(violations, `${at}.deny`, message.deny, maxAccessEntries),
    maxTier: message.maxTier,
    mode,
  };
}

function readBypass(
  violations: Violations,
  message: messages.Bypass,
  subject: Subject,
  notes: string,
): Bypass {
  const at = 'policy.bypass';
  if (subject.kind !== 'user' && subject.kind !== 'principal' && subject.kind !== 'key') {
    violations.add(at, 'may stand on a user, principal or key alone');
  }
  if (notes.trim() === '') violations.add('policy.notes', 'is required beside a bypass: say why');
  const { cost, rate, tokens, models } = message;
  const untilMs = readInstant(violations, `${at}.expire_time`, message.expireTime);
  return { cost, rate, tokens, models, untilMs };
}
