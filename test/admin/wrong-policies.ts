import type { Json } from '../support/admin-plane.ts';
import {
  ids,
  notStrings,
  times,
  texts,
  enums,
  each,
  changeCases,
  etagCases,
  pageCases,
  orgCases,
  many,
  idLists,
} from './wrong-values.ts';
import type { Case, Make } from './wrong-values.ts';

/** A limit with nothing wrong. */
export const limit = { name: 'a', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '1' };
/** A request to put a policy on a subject. */
export const policy = (subject: string, fields: Json = {}): Json => ({
  orgId: 'acme',
  policy: { subject, ...fields },
});
const onUser: Make = (value) =>
  policy('user:alice', { limits: [limit, { ...limit, name: 'b', ...(value as Json) }] });
const on = (subject: string, more: Json): Json =>
  policy(subject, { limits: [{ ...limit, ...more }] });
const at = (field: string): string => `policy.limits[1].${field}`;
/** What no subject is. */
export const subjects = [
  '',
  'user',
  'user:',
  'org:',
  'org:x',
  'galaxy:1',
  'user:a b',
  'label:x',
  'label:=y',
];
/** What no amount of money is. */
export const usd = ['', '-1', '+1', '1e3', 'NaN', 'Infinity', '1,5', '.5', '1.', '0.0000000001'];
/** Money beyond int64. */
export const tooMuch = ['9223372036.854775808', '9300000000'];
const percents = (values: readonly number[]): Json => ({ thresholds: { percents: values } });

const limitCases: Case[] = [
  ...each(at('name'), [...ids, 'a'], (name) => onUser({ name })),
  ...each(at('metric'), [...enums, 'METRIC_UNSPECIFIED'], (metric) => onUser({ metric })),
  ...each(at('window'), [...enums, 'WINDOW_UNSPECIFIED'], (window) => onUser({ window })),
  ...each(at('window'), ['WINDOW_DAY'], (window) =>
    onUser({ metric: 'METRIC_CONCURRENCY', window }),
  ),
  ...each(at('amount'), [...usd, ...tooMuch, 5], (amount) => onUser({ amount })),
  ...each(at('amount'), ['unlimited', undefined], (amount) => onUser({ amount })),
  // Seen red: a message with both was undecodable as a whole, and no field was named.
  ...each(at('unlimited'), [{}], (unlimited) => onUser({ unlimited })),
  ...each(at('unlimited'), [true, 'yes'], (unlimited) => onUser({ amount: undefined, unlimited })),
  ...each(at('amount'), ['', '-1', '1.5', 'NaN', '9223372036854775808'], (amount) =>
    onUser({ metric: 'METRIC_TOKENS', amount }),
  ),
  ...each(at('action'), enums, (action) => onUser({ action })),
  [at('thresholds.percents[0]'), onUser(percents([0]))],
  [at('thresholds.percents[0]'), onUser(percents([101]))],
  [at('thresholds.percents[1]'), onUser(percents([80, 80]))],
  [at('thresholds.percents[1]'), onUser(percents([80, 50]))],
  [at('thresholds.percents'), onUser(percents(many(11).map((_, index) => index + 1)))],
  [
    at('thresholds'),
    onUser({ metric: 'METRIC_CONCURRENCY', window: undefined, ...percents([80]) }),
  ],
  ...each(at('applies_to'), ['USER', 'MEMBER', 'LABEL:k', 'GALAXY', 'self', 'LABEL:'], (value) =>
    onUser({ appliesTo: value }),
  ),
  ...each('policy.limits[0].applies_to', ['MEMBER', 'LABEL:', 'LABEL:a=b', 'TOKEN'], (value) =>
    on('org', { appliesTo: value }),
  ),
  ...each('policy.limits[0].applies_to', ['SELF', 'KEY'], (value) =>
    on('tier:pro', { appliesTo: value }),
  ),
  ...idLists(at('targets'), 64, (targets) => onUser({ targets })),
  ...each(at('targets[0]'), ['group:', 'group:a b'], (target) => onUser({ targets: [target] })),
  ['policy.limits', policy('org', { limits: many(201).map((name) => ({ ...limit, name })) })],
  // Each with targets of its own.
  [
    'policy.limits',
    policy('org', { limits: many(33).map((name) => ({ ...limit, name, targets: [name] })) }),
  ],
];

const access = (value: Json, subject = 'user:alice'): Json => policy(subject, { access: value });
const bypass = (value: Json, subject = 'user:alice', notes = 'why'): Json =>
  policy(subject, { bypass: value, notes });
/** Wrong policies. */
export const policyCases: Case[] = [
  ['policy', { orgId: 'acme' }],
  ...orgCases(policy('org')),
  ...changeCases(policy('org')),
  ...each('policy.subject', [...subjects, 'team:ghost', 'key:ghost', 'token:ghost'], (subject) =>
    policy(String(subject)),
  ),
  ...each('policy.etag', [...notStrings, '\ud800'], (etag) => policy('org', { etag })),
  ...each('update_mask', ['limits.name', 'x', '*,notes', 7], (updateMask) => ({
    ...policy('org'),
    updateMask,
  })),
  ...limitCases,
  ...idLists('policy.access.allow', 256, (allow) => access({ allow })),
  ...idLists('policy.access.deny', 256, (deny) => access({ deny })),
  ['policy.access.max_tier', access({ maxTier: -1 })],
  ['policy.access.mode', access({ mode: 'ACCESS_MODE_REPLACE' }, 'tier:pro')],
  ...each('policy.access.mode', enums, (mode) => access({ mode })),
  ['policy.access', access({}, 'customer:c')],
  ['policy.access', access({}, 'label:k=v')],
  ...['org', 'tier:pro', 'app:crm', 'customer:c', 'label:k=v'].map((subject): Case => [
    'policy.bypass',
    bypass({ cost: true }, subject),
  ]),
  ['policy.notes', bypass({ cost: true }, 'user:alice', ' ')],
  ...each('policy.notes', texts(2000), (notes) => policy('org', { notes })),
  ...each('policy.bypass.expire_time', times, (expireTime) => bypass({ expireTime })),
];

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
];
