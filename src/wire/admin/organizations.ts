import { create } from '@bufbuild/protobuf';
import {
  CatalogRule,
  DefaultRule,
  ExpiryRule,
  UnknownUsageRule,
  OrganizationSchema,
  OrganizationState,
  UnpricedRule,
  WeekDay,
} from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import type { Organization as Message } from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import { StoreContent } from '../../../gen/tollgate/v1/outcome_pb.ts';
import type { Organization } from '../../core/organization.ts';
import { isTimeZone } from '../../core/window.ts';
import type { OrganizationCounts } from '../../policies/directory-counts.ts';
import type { Stored } from '../../policies/policy-store.ts';
import { readDisplayName, readEnum, readText } from './fields.ts';
import { readAmount, readId } from '../fields.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';

const maxOwner = 200;
const states = ['ACTIVE', 'SUSPENDED'] as const;
const catalogs = ['INHERIT', 'OWN'] as const;
const rules = ['ALLOW', 'DENY'] as const;
const unpricedRules = ['DENY', 'ZERO'] as const;
const expiryRules = ['RELEASE', 'CHARGE'] as const;
const unknownUsageRules = ['HELD', 'INPUT'] as const;
const contents = ['NONE', 'METADATA', 'FULL'] as const;
const days = [
  'MONDAY',
  'TUESDAY',
  'WEDNESDAY',
  'THURSDAY',
  'FRIDAY',
  'SATURDAY',
  'SUNDAY',
] as const;

/** Reads an organization, every absent setting at its default. */
export function organizationFromMessage(
  violations: Violations,
  prefix: string,
  message: Message,
): Organization {
  const at = (field: string): string => `${prefix}.${field}`;
  const timeZone = message.timeZone || 'UTC';
  if (!isTimeZone(timeZone))
    violations.add(at('time_zone'), 'must be the name of an IANA time zone');
  const monthAnchorDay = message.monthAnchorDay ?? 1;
  if (monthAnchorDay < 1 || monthAnchorDay > 31) {
    violations.add(at('month_anchor_day'), 'must be 1 to 31');
  }
  const weekStart = readEnum(violations, at('week_start'), message.weekStart, days, 'MONDAY');
  const rule = (
    field: string,
    number: number | undefined,
    defaultValue: 'ALLOW' | 'DENY',
  ): 'ALLOW' | 'DENY' => readEnum(violations, at(field), number, rules, defaultValue);
  return {
    id: readId(violations, at('id'), message.id),
    displayName: readDisplayName(violations, prefix, message.displayName),
    owner: readText(violations, at('owner'), message.owner, maxOwner) || undefined,
    state: readEnum(violations, at('state'), message.state, states, 'ACTIVE'),
    calendar: { timeZone, weekStart: days.indexOf(weekStart) + 1, monthAnchorDay },
    unknownModels:
      (message.unknownModels ?? 0) === 0
        ? undefined
        : rule('unknown_models', message.unknownModels, 'ALLOW'),
    catalog: readEnum(violations, at('catalog'), message.catalog, catalogs, 'INHERIT'),
    unknownSubjects: rule('unknown_subjects', message.unknownSubjects, 'ALLOW'),
    unpriced: readEnum(violations, at('unpriced'), message.unpriced, unpricedRules, 'DENY'),
    onExpiry: readEnum(violations, at('on_expiry'), message.onExpiry, expiryRules, 'RELEASE'),
    onUnknownUsage: readEnum(
      violations,
      at('on_unknown_usage'),
      message.onUnknownUsage,
      unknownUsageRules,
      'HELD',
    ),
    onStoreFailure: rule('on_store_failure', message.onStoreFailure, 'DENY'),
    storeContent: readEnum(
      violations,
      at('store_content'),
      message.storeContent,
      contents,
      'METADATA',
    ),
    defaultOutputTokens: readAmount(
      violations,
      at('default_output_tokens'),
      message.defaultOutputTokens ?? 0n,
    ),
  };
}

/** Writes an organization as it is stored. */
export function organizationToMessage({ record, ...stored }: Stored<Organization>): Message {
  const { calendar, unknownModels } = record;
  return create(OrganizationSchema, {
    id: record.id,
    displayName: record.displayName || undefined,
    owner: record.owner,
    state: OrganizationState[record.state],
    timeZone: calendar.timeZone,
    weekStart: WeekDay[days[calendar.weekStart - 1] ?? 'MONDAY'],
    monthAnchorDay: calendar.monthAnchorDay,
    unknownModels: unknownModels && DefaultRule[unknownModels],
    catalog: CatalogRule[record.catalog],
    unknownSubjects: DefaultRule[record.unknownSubjects],
    unpriced: UnpricedRule[record.unpriced],
    onExpiry: ExpiryRule[record.onExpiry],
    onUnknownUsage: UnknownUsageRule[record.onUnknownUsage],
    onStoreFailure: DefaultRule[record.onStoreFailure],
    storeContent: StoreContent[record.storeContent],
    defaultOutputTokens: record.defaultOutputTokens,
    etag: stored.etag,
    createTime: timestampOf(stored.createdAtMs),
    updateTime: timestampOf(stored.updatedAtMs),
  });
}

/** An organization with how many teams, users and keys it has. */
export function withOrganizationCounts(
  organization: Message,
  counts: OrganizationCounts | undefined,
): Message {
  const { teams = 0, users = 0, keys = 0 } = counts ?? {};
  const counted = { teamCount: BigInt(teams), userCount: BigInt(users), keyCount: BigInt(keys) };
  return { ...organization, ...counted };
}
