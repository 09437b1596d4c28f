/** What may stand at one place of a file. */
export type Form = Scalar | Mapping | ListOf;

/**
 * A single value, a list of them, a mapping of any keys to them (labels, units), nothing; or what the runner itself must
 * understand. All other values are sent as they are written, and judged by the service alone.
 */
export type Scalar =
  'value' | 'values' | 'labels' | 'nothing' | 'flag' | 'count' | 'instant' | 'duration' | 'steps';

/** A mapping with these keys, some of them required; `others` is the form of any other key. */
export interface Mapping {
  readonly keys: Readonly<Record<string, Form>>;
  readonly required?: readonly string[];
  readonly others?: Form;
}

/** A list of things of one form. */
export interface ListOf {
  readonly each: Form;
}

/** The keys of one step: its own, and what may be expected of it. */
export interface StepForms {
  readonly fields: Form;
  readonly expect: Mapping;
}

type Keys = Readonly<Record<string, Form>>;

/** Keys with a single value each: `'id name'`. */
function single(names: string): Keys {
  return Object.fromEntries(names.split(' ').map((name) => [name, 'value']));
}

/** Keys with a list of values each. */
function lists(names: string): Keys {
  return Object.fromEntries(names.split(' ').map((name) => [name, 'values']));
}

const limit: Mapping = {
  keys: {
    ...single('name metric window amount action for enabled'),
    ...lists('thresholds targets'),
  },
};
const policy: Keys = {
  limits: { each: limit },
  access: { keys: { ...lists('allow deny'), ...single('max_tier mode') } },
  bypass: { keys: single('cost rate tokens models until') },
  notes: 'value',
};

const organization: Keys = {
  ...single('id display_name state time_zone week_start month_anchor_day catalog'),
  ...single('unknown_models unknown_subjects unpriced on_expiry on_unknown_usage'),
  ...single('on_store_failure store_content default_output_tokens'),
};

const credential: Keys = {
  ...single('id display_name user team principal app customer expires state'),
  ...lists('scopes'),
};

/** The records of the set-up, by the kind that `put_<kind>` names. */
const records: Readonly<Record<string, Keys>> = {
  team: single('id display_name parent state'),
  user: { ...single('id display_name tier state'), ...lists('teams') },
  app: single('id display_name'),
  principal: {
    ...single('id display_name kind namespace app purpose'),
    ...lists('groups'),
  },
  customer: single('id display_name'),
  key: credential,
  token: credential,
  model: {
    ...single('id display_name state provider tier_rank default_output_tokens context_window'),
    ...lists('groups'),
  },
  route_group: { ...single('id display_name'), ...lists('members') },
  price: {
    ...single(
      'scope subject service_tier unit input output cached_input cache_write cache_write_1h',
    ),
    ...single('reasoning_output per_request effective reason'),
    units: 'labels',
  },
};

/** What the platform has too, by the list of the set-up and the kind that `put_<kind>` names. */
export const platformLists = [
  ['models', 'model'],
  ['route_groups', 'route_group'],
  ['prices', 'price'],
] as const;

const isOfPlatform = (kind: string): boolean => platformLists.some(([, one]) => one === kind);

/** A step about a record that the platform may have too says whether it means the platform's. */
function ofEither(kind: string, keys: Keys): Keys {
  return isOfPlatform(kind) ? { ...keys, platform: 'flag' } : keys;
}

/** The whole file; its steps are read apart. */
export const fileForm: Mapping = {
  required: ['name', 'start', 'steps'],
  keys: {
    name: 'value',
    rule: 'value',
    start: 'instant',
    org: { keys: organization },
    ...Object.fromEntries(
      Object.entries(records).map(([kind, keys]) => [`${kind}s`, { each: { keys } }]),
    ),
    platform: {
      keys: Object.fromEntries(
        platformLists.map(([list, kind]) => [list, { each: { keys: records[kind] ?? {} } }]),
      ),
    },
    policies: { keys: {}, others: { keys: policy } },
    steps: 'steps',
  },
};

const subjects: Keys = {
  ...single('user tier key credential principal app customer org'),
  teams: 'values',
  labels: 'labels',
};
const numbers: Keys = {
  ...single('input output cached_input cache_write cache_write_1h requests cost'),
  units: 'labels',
};
/** Whatever describes a call. Explain, Report and ListTargets take a `ttl` too, and have no use for it. */
const call: Keys = { ...subjects, ...numbers, ...single('target provider service_tier ttl') };
const { target: _, ...callWithoutTarget } = call;
const check: Mapping = { keys: { ...call, ...single('id parent'), settle_now: 'flag' } };
const report: Mapping = {
  keys: { ...call, ...single('id reasoning_output'), partial: 'flag', usage_unknown: 'flag' },
};

const error: Mapping = { keys: { ...single('code reason field'), metadata: 'labels' } };
const consideredLimit: Mapping = {
  required: ['is'],
  keys: {
    raises: 'values',
    ...single(
      'is meter metric window amount declared used held ask remaining resets_at action status revision',
    ),
  },
};
const outcome = expecting({
  ...single('outcome reason binding retry_after max_output_tokens store_content'),
  ...single('degraded replayed held held_input held_output hold_state price_revision'),
  ...lists('reasons no_limits limits_exactly warnings'),
  limits: { each: consideredLimit },
});
const usage = expecting({
  ...single('cost input output tokens requests held_cost held_tokens in_flight'),
  ...single('window_start window_end'),
  units: 'labels',
});
const event: Mapping = {
  keys: {
    ...single('action user limit meter metric spend amount declared ask window'),
    raises: 'values',
  },
};
const silent = expecting({});
const revision = expecting(single('revision'));
const amounts = expecting(single('before after'));

/** Any step may expect an error instead. */
function expecting(keys: Keys): Mapping {
  return { keys: { ...keys, error } };
}

/** The steps and their keys. */
export const stepKinds: Readonly<Record<string, StepForms>> = {
  check: { fields: check, expect: outcome },
  explain: { fields: { keys: { ...call, settle_now: 'flag' } }, expect: outcome },
  report: {
    fields: report,
    expect: expecting({
      ...single('cost over_hold replayed late unpriced price_revision'),
      ...single('post_paid unattributed usage_assumed'),
      units: 'labels',
      warnings: 'values',
    }),
  },
  release: { fields: { keys: single('id org') }, expect: expecting(single('replayed')) },
  extend: {
    fields: { keys: { ...numbers, ...single('id sequence ttl org') } },
    expect: outcome,
  },
  list_targets: {
    fields: { keys: callWithoutTarget },
    expect: expecting(lists('targets includes excludes')),
  },
  parallel: {
    fields: { required: ['count', 'check'], keys: { count: 'count', check, report } },
    expect: expecting(single('allowed denied')),
  },
  advance: { fields: 'duration', expect: silent },
  at: { fields: 'instant', expect: silent },
  expire: { fields: 'nothing', expect: expecting(single('expired')) },
  put_policy: {
    fields: { keys: { ...policy, ...single('subject reason etag') } },
    expect: revision,
  },
  revoke_limit: { fields: { keys: single('subject name reason') }, expect: revision },
  put_raise: {
    fields: { keys: single('id subject name for add amount until reason') },
    expect: amounts,
  },
  revoke_raise: { fields: { keys: single('id reason') }, expect: amounts },
  raises: {
    fields: { keys: single('subject name for state') },
    expect: expecting({ ids: 'values', count: 'value' }),
  },
  put_org: { fields: { keys: organization }, expect: silent },
  ...Object.fromEntries(
    Object.entries(records).map(([kind, keys]) => [
      `put_${kind}`,
      { fields: { keys: ofEither(kind, keys) }, expect: silent },
    ]),
  ),
  revoke_price: {
    fields: { keys: ofEither('price', single('scope subject service_tier reason')) },
    expect: silent,
  },
  delete_policy: { fields: { keys: single('subject reason') }, expect: revision },
  ...Object.fromEntries(
    ['team', 'user', 'app', 'principal', 'customer', 'model', 'route_group'].map((kind) => [
      `delete_${kind}`,
      { fields: { keys: ofEither(kind, single('id reason')) }, expect: silent },
    ]),
  ),
  revoke_key: { fields: { keys: single('id reason') }, expect: silent },
  revoke_token: { fields: { keys: single('id reason') }, expect: silent },
  usage: { fields: { keys: single('meter window') }, expect: usage },
  events: {
    fields: { keys: single('user action limit') },
    expect: expecting({ ...single('count'), ...lists('actions'), first: event }),
  },
  revisions: {
    fields: { keys: single('subject') },
    expect: expecting({ ...single('count'), newest: { keys: single('revision reason revoked') } }),
  },
};
