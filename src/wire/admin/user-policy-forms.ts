import { UserPolicyFormSchema } from '../../../gen/tollgate/admin/v1/user_policy_forms_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/user_policy_forms_pb.ts';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { formOf, notShown } from '../../core/user-policy-form.ts';
import type { UserPolicyForm } from '../../core/user-policy-form.ts';
import type { Policy } from '../../core/policy.ts';
import { maxInt64 } from '../../core/totals.ts';
import type { PolicyRevision } from '../../policies/policy-changes.ts';
import { absentEtag } from '../../policies/policy-store.ts';
import type { UserPolicyFormUpdate } from '../../service/admin/update-user-policy-form.ts';
import { readId } from '../fields.ts';
import type { Violations } from '../violations.ts';
import { readText } from './fields.ts';
import { readTargets } from './limits.ts';
import { maxAccessEntries, maxNotes } from './policies.ts';
import { faultsOfUpdated, readUpdateMask } from './update-mask.ts';

const at = 'user_policy_form';
const nanosPerCent = 10_000_000n;
const cents = /^(\d{1,12})(?:\.(\d{1,7}))?$/;

/** The fields of the form, by those of the message. */
const fields: Readonly<Record<string, keyof UserPolicyForm>> = {
  daily_cost_limit_cents: 'dailyCost',
  monthly_cost_limit_cents: 'monthlyCost',
  daily_token_limit: 'dailyTokens',
  monthly_token_limit: 'monthlyTokens',
  requests_per_minute: 'requestsPerMinute',
  requests_per_hour: 'requestsPerHour',
  requests_per_day: 'requestsPerDay',
  allowed_models: 'allowedModels',
  blocked_models: 'blockedModels',
  max_model_tier: 'maxModelTier',
  bypass_cost_limits: 'bypassCost',
  bypass_rate_limits: 'bypassRate',
  bypass_model_restrictions: 'bypassModels',
  notes: 'notes',
};

/** Reads an update of a form. */
export function userPolicyFormFromMessage(
  violations: Violations,
  message: messages.UserPolicyForm,
  mask: FieldMask | undefined,
): UserPolicyFormUpdate {
  const updated = readUpdateMask(UserPolicyFormSchema, message, mask);
  const names = (updated === 'everything' ? UserPolicyFormSchema.fields : updated).map(
    ({ name }) => fields[name],
  );
  const userId = readId(violations, `${at}.user_id`, message.userId);
  return {
    userId,
    form: readForm(faultsOfUpdated(violations, at, updated), message),
    changed: new Set(names.filter((name) => name !== undefined)),
    etag: message.etag,
  };
}

function readForm(violations: Violations, message: messages.UserPolicyForm): UserPolicyForm {
  const cost = (name: string, text: string | undefined) => readCents(violations, name, text);
  const count = (name: string, value: bigint | undefined) => {
    if (value !== undefined && value < 0n) violations.add(`${at}.${name}`, 'must not be negative');
    return value;
  };
  const { maxModelTier } = message;
  if (maxModelTier !== undefined && maxModelTier < 0) {
    violations.add(`${at}.max_model_tier`, 'must not be negative');
  }
  const models = (name: string, list: readonly string[]) =>
    readTargets(violations, `${at}.${name}`, list, maxAccessEntries);
  return {
    dailyCost: cost('daily_cost_limit_cents', message.dailyCostLimitCents),
    monthlyCost: cost('monthly_cost_limit_cents', message.monthlyCostLimitCents),
    dailyTokens: count('daily_token_limit', message.dailyTokenLimit),
    monthlyTokens: count('monthly_token_limit', message.monthlyTokenLimit),
    requestsPerMinute: count('requests_per_minute', message.requestsPerMinute),
    requestsPerHour: count('requests_per_hour', message.requestsPerHour),
    requestsPerDay: count('requests_per_day', message.requestsPerDay),
    allowedModels: models('allowed_models', message.allowedModels),
    blockedModels: models('blocked_models', message.blockedModels),
    maxModelTier,
    bypassCost: message.bypassCostLimits ?? false,
    bypassRate: message.bypassRateLimits ?? false,
    bypassModels: message.bypassModelRestrictions ?? false,
    notes: readText(violations, `${at}.notes`, message.notes, maxNotes),
  };
}

function readCents(
  violations: Violations,
  name: string,
  text: string | undefined,
): bigint | undefined {
  if (text === undefined) return undefined;
  const [, whole, fraction = ''] = cents.exec(text) ?? [];
  const nanos =
    whole === undefined
      ? undefined
      : BigInt(whole) * nanosPerCent + BigInt(fraction.padEnd(7, '0'));
  if (nanos !== undefined && nanos <= maxInt64) return nanos;
  const most = '922337203685.4775807';
  violations.add(`${at}.${name}`, `must be decimal cents with at most 7 decimals, up to ${most}`);
  return undefined;
}

function centsText(nanos: bigint | undefined): string | undefined {
  if (nanos === undefined) return undefined;
  const fraction = (nanos % nanosPerCent).toString().padStart(7, '0').replace(/0+$/, '');
  return `${nanos / nanosPerCent}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Writes the form of a user, with or without a policy. */
export function userPolicyFormToMessage(
  userId: string,
  displayName: string,
  revision: PolicyRevision | undefined,
) {
  const nothing = { limits: [], access: undefined, bypass: undefined, notes: '' };
  const subject = { kind: 'user' as const, id: userId };
  const policy: Policy = revision?.policy ?? { ...nothing, subject, revision: 0 };
  const form = formOf(policy);
  return {
    userId,
    displayName,
    dailyCostLimitCents: centsText(form.dailyCost),
    monthlyCostLimitCents: centsText(form.monthlyCost),
    dailyTokenLimit: form.dailyTokens,
    monthlyTokenLimit: form.monthlyTokens,
    requestsPerMinute: form.requestsPerMinute,
    requestsPerHour: form.requestsPerHour,
    requestsPerDay: form.requestsPerDay,
    allowedModels: [...form.allowedModels],
    blockedModels: [...form.blockedModels],
    maxModelTier: form.maxModelTier,
    bypassCostLimits: form.bypassCost,
    bypassRateLimits: form.bypassRate,
    bypassModelRestrictions: form.bypassModels,
    notes: form.notes,
    notShown: [...notShown(policy)],
    etag: revision?.etag ?? absentEtag,
  };
}
