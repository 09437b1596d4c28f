/** Which keys a mapping may have, and what may stand below each; `*` is any key, `any` any value. */
export type Form = 'any' | { readonly [key: string]: Form };

/** A form whose keys may have any value. */
function keys(...names: readonly string[]): { [key: string]: Form } {
  return Object.fromEntries(names.map((name) => [name, 'any']));
}

const limit = keys(
  'name',
  'metric',
  'window',
  'amount',
  'action',
  'thresholds',
  'for',
  'targets',
  'enabled',
);
const policy: Form = {
  limits: limit,
  access: keys('allow', 'deny', 'max_tier', 'mode'),
  bypass: keys('cost', 'rate', 'tokens', 'models', 'until'),
  notes: 'any',
};

const organization = keys(
  'id',
  'display_name',
  'time_zone',
  'week_start',
  'month_anchor_day',
  'unknown_models',
  'unknown_subjects',
  'unpriced',
  'on_expiry',
  'on_store_failure',
  'store_content',
  'default_output_tokens',
  'state',
);

const credential = keys(
  'id',
  'display_name',
  'user',
  'team',
  'principal',
  'app',
  'customer',
  'scopes',
  'expires',
  'state',
);

const records = {
  team: keys('id', 'display_name', 'parent', 'state'),
  user: keys('id', 'display_name', 'teams', 'tier', 'state'),
  app: keys('id', 'display_name'),
  principal: keys('id', 'display_name', 'kind', 'namespace', 'groups', 'app', 'purpose'),
  customer: keys('id', 'display_name'),
  key: credential,
  token: credential,
  model: keys(
    'id',
    'display_name',
    'provider',
    'tier_rank',
    'groups',
    'default_output_tokens',
    'context_window',
  ),
  route_group: keys('id', 'display_name', 'members'),
  price: keys(
    'scope',
    'subject',
    'unit',
    'input',
    'output',
    'cached_input',
    'cache_write',
    'per_request',
    'effective',
    'reason',
  ),
} satisfies Record<string, Form>;

/** The whole file. */
export const fileForm: Form = {
  ...keys('name', 'rule', 'start'),
  org: organization,
  teams: records.team,
  users: records.user,
  apps: records.app,
  principals: records.principal,
  customers: records.customer,
  keys: records.key,
  tokens: records.token,
  models: records.model,
  route_groups: records.route_group,
  prices: records.price,
  policies: { '*': policy },
  steps: 'any',
};

const path = keys(
  'user',
  'teams',
  'tier',
  'key',
  'credential',
  'principal',
  'app',
  'customer',
  'labels',
  'org',
);
const numbers = keys('input', 'output', 'cached_input', 'cache_write', 'cost');
const check = { ...path, ...numbers, ...keys('id', 'target', 'ttl') };
const report = { ...path, ...numbers, ...keys('id', 'target', 'partial') };
const error = keys('code', 'reason', 'field');

const consideredLimit = keys(
  'is',
  'meter',
  'metric',
  'window',
  'amount',
  'used',
  'held',
  'ask',
  'remaining',
  'resets_at',
  'action',
  'status',
  'revision',
);
const outcome: Form = {
  ...keys('outcome', 'reason', 'reasons', 'binding', 'no_limits', 'limits_exactly', 'warnings'),
  ...keys('retry_after', 'max_output_tokens', 'store_content', 'degraded', 'replayed', 'held'),
  limits: consideredLimit,
  error,
};
const usage = keys(
  'cost',
  'input',
  'output',
  'tokens',
  'requests',
  'held_cost',
  'held_tokens',
  'in_flight',
  'window_start',
  'window_end',
);
const event = keys(
  'action',
  'user',
  'limit',
  'meter',
  'metric',
  'spend',
  'amount',
  'window',
  'ask',
);

interface StepForms {
  readonly fields: Form;
  readonly expect: Form;
}

const silent = { error };
const putRecords = Object.fromEntries(
  Object.entries(records).map(([kind, fields]) => [`put_${kind}`, { fields, expect: silent }]),
);

/** The steps and their keys. */
export const stepKinds: Readonly<Record<string, StepForms>> = {
  check: { fields: check, expect: outcome },
  explain: { fields: { ...path, ...numbers, target: 'any' }, expect: outcome },
  report: { fields: report, expect: { ...keys('cost', 'over_hold', 'replayed', 'late'), error } },
  release: { fields: keys('id', 'org'), expect: { replayed: 'any', error } },
  extend: { fields: { ...numbers, ...keys('id', 'sequence', 'ttl', 'org') }, expect: outcome },
  list_targets: { fields: path, expect: { ...keys('targets', 'includes', 'excludes'), error } },
  parallel: { fields: { count: 'any', check, report }, expect: keys('allowed', 'denied') },
  advance: { fields: 'any', expect: {} },
  at: { fields: 'any', expect: {} },
  expire: { fields: {}, expect: keys('expired') },
  put_policy: {
    fields: { ...policy, ...keys('subject', 'reason', 'etag') },
    expect: { revision: 'any', error },
  },
  revoke_limit: { fields: keys('subject', 'name', 'reason'), expect: { revision: 'any', error } },
  put_org: { fields: organization, expect: silent },
  ...putRecords,
  revoke_price: { fields: keys('scope', 'subject', 'reason'), expect: silent },
  revoke_key: { fields: keys('id', 'reason'), expect: silent },
  revoke_token: { fields: keys('id', 'reason'), expect: silent },
  usage: { fields: keys('meter', 'window'), expect: { ...usage, error } },
  events: {
    fields: keys('user', 'action', 'limit'),
    expect: { ...keys('count', 'actions'), first: event, error },
  },
  revisions: {
    fields: keys('subject'),
    expect: { count: 'any', newest: keys('revision', 'reason', 'revoked'), error },
  },
};
