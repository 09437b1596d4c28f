import type { Json } from '../support/admin-plane.ts';
import {
  ids,
  notStrings,
  times,
  texts,
  enums,
  each,
  changeCases,
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
