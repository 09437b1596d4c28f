import type { Json } from '../support/admin-plane.ts';
import {
  changeCases,
  each,
  ids,
  int64s,
  notStrings,
  orgCases,
  pageCases,
  texts,
} from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

const form = (fields: Json): Json => ({
  orgId: 'acme',
  userPolicyForm: { userId: 'alice', ...fields },
});
const cents = [
  '',
  '-1',
  '+1',
  '1e3',
  'NaN',
  '1,5',
  '.5',
  '1.',
  '0.00000001',
  '922337203685.4775808',
  5,
];
const counts = [
  'daily_token_limit',
  'monthly_token_limit',
  'requests_per_minute',
  'requests_per_hour',
  'requests_per_day',
];
const flags = ['bypass_cost_limits', 'bypass_rate_limits', 'bypass_model_restrictions'];
const jsonName = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const at = (name: string): string => `user_policy_form.${name}`;
const of = (name: string, values: readonly unknown[]): Case[] =>
  each(at(name), values, (value) => form({ [jsonName(name)]: value }));
const targets = ['', 'a b', 'x'.repeat(201), 'group:'];
const lists = (name: string): Case[] => [
  ...each(`${at(name)}[0]`, targets, (target) => form({ [jsonName(name)]: [target] })),
  [`${at(name)}[1]`, form({ [jsonName(name)]: ['a', 'a'] })],
  [at(name), form({ [jsonName(name)]: Array.from({ length: 257 }, (_, index) => `m${index}`) })],
];

/** Wrong requests about the policies of users as forms. */
export const userPolicyFormCases: readonly [rpc: string, cases: readonly Case[]][] = [
  [
    'UserPolicyFormService/GetUserPolicyForm',
    [
      ...orgCases({ userId: 'alice' }),
      ...each('user_id', [...ids, ...notStrings], (userId) => ({ orgId: 'acme', userId })),
    ],
  ],
  ['UserPolicyFormService/ListUserPolicyForms', [...orgCases({}), ...pageCases({ orgId: 'acme' })]],
  [
    'UserPolicyFormService/UpdateUserPolicyForm',
    [
      ...orgCases({ userPolicyForm: { userId: 'alice' } }),
      ...changeCases(form({})),
      ['user_policy_form', { orgId: 'acme' }],
      ...of('user_id', [...ids, ...notStrings]),
      ...of('daily_cost_limit_cents', cents),
      ...of('monthly_cost_limit_cents', cents),
      ...counts.flatMap((name) => of(name, int64s)),
      ...lists('allowed_models'),
      ...lists('blocked_models'),
      ...of('max_model_tier', [-1, 1.5, 2_147_483_648]),
      ...flags.flatMap((name) => of(name, ['yes', 1])),
      ...flags.map((name): Case => [at('notes'), form({ [jsonName(name)]: true })]),
      ...of('notes', texts(2000)),
      ...of('etag', [...notStrings, '\ud800']),
      ...each('update_mask', ['limits', 'userPolicyForm.notes', 'notes,x'], (updateMask) => ({
        ...form({}),
        updateMask,
      })),
    ],
  ],
];
