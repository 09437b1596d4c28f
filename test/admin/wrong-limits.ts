import type { Json } from '../support/admin-plane.ts';
import { limit, subjects, usd, tooMuch } from './wrong-policies.ts';
import {
  ids,
  notStrings,
  texts,
  enums,
  each,
  changeCases,
  etagCases,
  optionalIds,
  pageCases,
  orgCases,
  many,
  idLists,
} from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

const oneLimit = (value: Json, subject = 'user:alice'): Json => ({
  orgId: 'acme',
  subject,
  limit: { ...limit, ...value },
});
const someLimits = (limits: readonly Json[], more: Json = {}): Json => ({
  orgId: 'acme',
  subject: 'user:alice',
  limits,
  ...more,
});
const quotaLimit = { ...limit, name: 'hour.cost' };
const quotaTokens = { ...quotaLimit, name: 'hour.tokens', metric: 'METRIC_TOKENS' };
const ofQuota = (second: Json): Json =>
  someLimits([quotaLimit, { ...quotaTokens, ...second }], { quota: 'hour' });
const revoked = (more: Json): Json => ({ orgId: 'acme', subject: 'org', names: ['cap'], ...more });
const revisions = ['0', '-1', '2147483648', 'x'];
const first = { policy: { subject: 'user:first' } };
const batch = (updates: readonly Json[]): Json => ({ orgId: 'acme', updates });
const copied = (more: Json): Json => ({
  orgId: 'acme',
  subject: 'org',
  toSubjects: ['user:a'],
  ...more,
});
const quotas = ['a b', 'x'.repeat(191), '\ud800', 7];

/** Wrong updates and revocations of limits, by RPC. */
export const limitTable: readonly [string, readonly Case[]][] = [
  [
    'PolicyService/UpdateLimit',
    [
      ['limit', { orgId: 'acme', subject: 'org' }],
      ...orgCases({ subject: 'org', limit }),
      ...changeCases(oneLimit({})),
      ...each('subject', [...subjects, 'team:ghost'], (value) => oneLimit({}, String(value))),
      ...each('limit.name', ids, (name) => oneLimit({ name })),
      ...each('limit.metric', enums, (metric) => oneLimit({ metric })),
      ...each('limit.amount', [...usd, ...tooMuch, undefined], (amount) => oneLimit({ amount })),
      ...each('limit.etag', [...notStrings, '\ud800'], (etag) => oneLimit({ etag })),
      ...each('limit.applies_to', ['USER', 'x'], (appliesTo) => oneLimit({ appliesTo })),
    ],
  ],
  [
    'PolicyService/UpdateLimits',
    [
      ['limits', someLimits([])],
      ['limits', someLimits(many(201).map((name) => ({ ...limit, name })))],
      ['limits', someLimits(many(33).map((name) => ({ ...limit, name, targets: [name] })))],
      ['limits[1].name', someLimits([limit, limit])],
      ...orgCases({ subject: 'org', limits: [limit] }),
      ...changeCases(someLimits([limit])),
      ...each('subject', subjects, (subject) => someLimits([limit], { subject })),
      ...each('limits[0].window', enums, (window) => someLimits([{ ...limit, window }])),
      ...each('quota', quotas, (quota) => someLimits([quotaLimit], { quota })),
      ...each('limits[1].name', ['x', 'hour', 'hour.requests', 'day.tokens'], (name) =>
        ofQuota({ name }),
      ),
      ['limits[1].window', ofQuota({ window: 'WINDOW_HOUR' })],
      ['limits[1].targets', ofQuota({ targets: ['gpt-4o'] })],
      [
        'limits[1].applies_to',
        someLimits([quotaLimit, { ...quotaTokens, appliesTo: 'USER' }], {
          quota: 'hour',
          subject: 'org',
        }),
      ],
    ],
  ],
  [
    'PolicyService/RevokeLimits',
    [
      ['names', { orgId: 'acme', subject: 'org' }],
      ['quota', revoked({ quota: 'hour' })],
      ...orgCases({ subject: 'org', names: ['cap'] }),
      ...changeCases(revoked({})),
      ...etagCases(revoked({})),
      ...each('subject', subjects, (subject) => revoked({ subject })),
      ...idLists('names', 200, (names) => revoked({ names })),
      ...each('quota', quotas, (quota) => revoked({ quota, names: undefined })),
    ],
  ],
  [
    'PolicyService/BatchUpdatePolicies',
    [
      ['updates', { orgId: 'acme' }],
      ['updates', batch(many(1001).map((id) => ({ policy: { subject: `user:${id}` } })))],
      ['updates[0].policy', batch([{}])],
      ['updates[1].policy.subject', batch([first, first])],
      ...orgCases({ updates: [first] }),
      ...changeCases(batch([first])),
      ...each('updates[1].policy.subject', [...subjects, 'team:ghost'], (subject) =>
        batch([first, { policy: { subject } }]),
      ),
      ...each('updates[1].update_mask', ['x', 'limits.name', '*,notes'], (updateMask) =>
        batch([first, { policy: { subject: 'user:a' }, updateMask }]),
      ),
      ...each('updates[1].policy.limits[0].amount', usd, (amount) =>
        batch([first, { policy: { subject: 'user:a', limits: [{ ...limit, amount }] } }]),
      ),
      [
        'updates[0].policy.access.max_tier',
        batch([{ policy: { subject: 'org', access: { maxTier: -1 } } }]),
      ],
      ['updates[0].policy.notes', batch([{ policy: { subject: 'user:a', bypass: {} } }])],
    ],
  ],
  [
    'PolicyService/CopyPolicy',
    [
      ['to_subjects', copied({ toSubjects: [] })],
      ['to_subjects', copied({ toSubjects: many(1001).map((id) => `user:${id}`) })],
      ['to_subjects[0]', copied({ toSubjects: ['org'] })],
      ['to_subjects[1]', copied({ toSubjects: ['user:a', 'user:a'] })],
      ...orgCases({ subject: 'org', toSubjects: ['user:a'] }),
      ...changeCases(copied({})),
      ...each('subject', subjects, (subject) => copied({ subject })),
      ...each('to_subjects[0]', subjects, (subject) => copied({ toSubjects: [subject] })),
      ...each('revision', revisions, (revision) => copied({ revision })),
      ...each('update_mask', ['x', 'limits.name', '*,notes'], (updateMask) =>
        copied({ updateMask }),
      ),
    ],
  ],
  [
    'PolicyService/RollbackPolicy',
    [
      ...orgCases({ subject: 'org', revision: 1 }),
      ...changeCases({ orgId: 'acme', subject: 'org', revision: 1 }),
      ...etagCases({ orgId: 'acme', subject: 'org', revision: 1 }),
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject, revision: 1 })),
      ...each('revision', [...revisions, undefined], (revision) => ({
        orgId: 'acme',
        subject: 'org',
        revision,
      })),
    ],
  ],
  [
    'PolicyService/GetPolicyDiff',
    [
      ...orgCases({ subject: 'org' }),
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject })),
      ...each('from_revision', ['-1', '2147483648', 'x'], (fromRevision) => ({
        orgId: 'acme',
        subject: 'org',
        fromRevision,
      })),
      ...each('to_revision', revisions, (toRevision) => ({
        orgId: 'acme',
        subject: 'org',
        toRevision,
      })),
    ],
  ],
  [
    'PolicyService/ListLimitRevisions',
    [
      ...orgCases({}),
      ...pageCases({ orgId: 'acme' }),
      ...each('subject_kind', enums, (subjectKind) => ({ orgId: 'acme', subjectKind })),
      ...each('subject', subjects.slice(1), (subject) => ({ orgId: 'acme', subject })),
      ['subject', { orgId: 'acme', subjectKind: 'SUBJECT_KIND_KEY', subject: 'user:alice' }],
      ...each('window', enums, (window) => ({ orgId: 'acme', window })),
      ...each('state', enums, (state) => ({ orgId: 'acme', state })),
      ...each('contains', texts(200), (contains) => ({ orgId: 'acme', contains })),
    ],
  ],
  [
    'PolicyService/GetEffectivePolicy',
    [
      ...orgCases({ subject: 'org' }),
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject })),
    ],
  ],
  [
    'PolicyService/ListUserPolicies',
    [
      ...orgCases({}),
      ...pageCases({ orgId: 'acme' }),
      ...each('id_prefix', texts(200), (idPrefix) => ({ orgId: 'acme', idPrefix })),
      ...each('tier', optionalIds, (tier) => ({ orgId: 'acme', tier })),
      ...each('has_override', ['yes', 1], (hasOverride) => ({ orgId: 'acme', hasOverride })),
      ...each('has_bypass', ['yes', 1], (hasBypass) => ({ orgId: 'acme', hasBypass })),
      ...each('standing', enums, (standing) => ({
        orgId: 'acme',
        standing,
      })),
    ],
  ],
];
