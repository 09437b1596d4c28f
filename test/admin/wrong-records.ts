import type { Json } from '../support/admin-plane.ts';
import {
  ids,
  notStrings,
  times,
  int64s,
  texts,
  enums,
  each,
  changeCases,
  pageCases,
  orgCases,
  optionalIds,
  idLists,
} from './wrong-values.ts';
import type { Case, Make } from './wrong-values.ts';

const wrongOrders = ['name', 'id asc', 'id,create_time', 'desc', 'id desc desc', 'ID', 7];

/** Create, get, list and update of one kind, with the cases of its own fields. */
function record(
  service: string,
  kind: string,
  name: string,
  fields: (at: Make) => Case[],
  filters: Case[] = [],
) {
  const key = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const of = (fields: unknown): Json => ({ orgId: 'acme', [key]: fields });
  const at: Make = (value) => of({ id: 'one', ...members, ...(value as Json) });
  const members = kind === 'RouteGroup' ? { members: ['m'] } : {};
  const own = [
    [name, { orgId: 'acme' }] as const,
    ...each(`${name}.id`, ids, (id) => at({ id })),
    ...each(`${name}.display_name`, texts(200), (displayName) => at({ displayName })),
    ...each(`${name}.etag`, [...notStrings, '\ud800'], (etag) => at({ etag })),
    ...each(`${name}.nonsense`, [1], (nonsense) => at({ nonsense })),
    ...fields(at),
  ];
  const put = [...own, ...changeCases(at({})), ...orgCases(at({}))];
  // A credential cannot be made by an update: its secret would be shown to nobody.
  const allowMissing = service === 'CredentialService' ? {} : { allowMissing: true };
  const update: Case[] = [
    ...put.map(([path, message]): Case => [path, { ...message, ...allowMissing }]),
    ['update_mask', { ...at({}), updateMask: 7 }],
    ['update_mask', { ...at({}), ...allowMissing, updateMask: 'id,nonsense' }],
    ['update_mask', { ...at({}), updateMask: 'display_name' }],
    ['update_mask', { ...at({}), updateMask: '*,displayName' }],
    ['update_mask', { ...at({}), updateMask: 'displayName.length' }],
  ];
  const list = [...orgCases({}), ...pageCases({ orgId: 'acme' })];
  const isShort = service === 'CatalogService';
  const search = isShort
    ? each('contains', texts(200), (contains) => ({ orgId: 'acme', contains }))
    : [
        ...searchCases,
        ...filters.map(([path, message]): Case => [path, { orgId: 'acme', ...message }]),
      ];
  const order = each('order_by', wrongOrders, (orderBy) => ({ orgId: 'acme', orderBy }));
  const get = [...orgCases({ id: 'one' }), ...each('id', ids, (id) => ({ orgId: 'acme', id }))];
  const batch = [
    ...orgCases({ ids: ['one'] }),
    ...idLists('ids', 1000, (list) => ({ orgId: 'acme', ids: list })),
    ['ids', { orgId: 'acme', ids: [] }] as Case,
    ['ids[1]', { orgId: 'acme', ids: ['x', 7] }] as Case,
  ];
  return [
    ...(kind === 'ModelGroup' ? [] : [[`${service}/BatchGet${kind}s`, batch]]),
    [`${service}/Create${kind}`, put],
    [`${service}/Update${kind}`, update],
    [`${service}/Get${kind}`, get],
    [`${service}/List${kind}s`, [...list, ...search, ...(kind === 'ModelGroup' ? [] : order)]],
  ] as [string, Case[]][];
}

const searchCases: Case[] = [
  ...each('search', texts(200), (search) => ({ orgId: 'acme', search })),
  ['search', { orgId: 'acme', search: 'a b c d e f g h i' }],
  ...each('order_by', ['id desc', 'display_name'], (orderBy) => ({
    orgId: 'acme',
    search: 'a',
    orderBy,
  })),
];
const stateFilters = each('state', enums, (state) => ({ state }));
const idFilters = (...names: string[]): Case[] =>
  names.flatMap((name) => each(name, optionalIds, (id) => ({ [name]: id })));
const credentialFilters = [
  ...idFilters('user', 'team', 'principal', 'app', 'customer'),
  ...stateFilters,
];
const environments = ['A', 'a b', 'x'.repeat(65), 'é', '\u0000', 7];

const credential = (name: string) => (at: Make) => [
  ...['user', 'team', 'principal', 'app', 'customer'].flatMap((bound) =>
    each(`${name}.${bound}`, optionalIds, (id) => at({ [bound]: id })),
  ),
  ...idLists(`${name}.scopes`, 32, (scopes) => at({ scopes })),
  ...each(`${name}.state`, [...enums, 'CREDENTIAL_STATE_REVOKED'], (state) => at({ state })),
  ...each(`${name}.expire_time`, times, (expireTime) => at({ expireTime })),
];

/** Wrong requests for every kind of record. */
export const records = [
  ...record(
    'DirectoryService',
    'Team',
    'team',
    (at) => [
      ...each('team.parent', [...optionalIds, 'one', 'ghost'], (parent) => at({ parent })),
      ...each('team.state', enums, (state) => at({ state })),
    ],
    [...idFilters('parent'), ...stateFilters],
  ),
  ...record(
    'DirectoryService',
    'User',
    'user',
    (at) => [
      ...idLists('user.teams', 32, (teams) => at({ teams })),
      ...each('user.teams', [['ghost']], (teams) => at({ teams })),
      ...each('user.tier', optionalIds, (tier) => at({ tier })),
      ...each('user.state', enums, (state) => at({ state })),
    ],
    [...idFilters('team', 'tier'), ...stateFilters],
  ),
  ...record(
    'DirectoryService',
    'Principal',
    'principal',
    (at) => [
      ...each('principal.kind', enums, (kind) => at({ kind })),
      ...each('principal.namespace', optionalIds, (namespace) => at({ namespace })),
      ...idLists('principal.groups', 32, (groups) => at({ groups })),
      ...each('principal.app', optionalIds, (app) => at({ app })),
      ...each('principal.purpose', texts(1000), (purpose) => at({ purpose })),
    ],
    [...idFilters('namespace', 'group', 'app'), ...each('kind', enums, (kind) => ({ kind }))],
  ),
  ...record('DirectoryService', 'App', 'app', () => []),
  ...record('DirectoryService', 'Customer', 'customer', () => []),
  ...record(
    'CredentialService',
    'Key',
    'key',
    (at) => [
      ...credential('key')(at),
      ...each('key.environment', environments, (environment) => at({ environment })),
    ],
    [
      ...credentialFilters,
      ...each('environment', environments, (environment) => ({ environment })),
    ],
  ),
  ...record(
    'CredentialService',
    'Token',
    'token',
    (at) => [
      ...credential('token')(at),
      ...each('token.namespace', optionalIds, (namespace) => at({ namespace })),
    ],
    [...credentialFilters, ...idFilters('namespace')],
  ),
  ...record('CatalogService', 'Model', 'model', (at) => [
    ...each('model.id', ['gpt*'], (id) => at({ id })),
    ...each('model.id', ['group:x'], (id) => at({ id })),
    ...each('model.state', enums, (state) => at({ state })),
    ...each('model.provider', optionalIds, (provider) => at({ provider })),
    ...each('model.tier_rank', [-1, 2_147_483_648, 'NaN'], (tierRank) => at({ tierRank })),
    ...idLists('model.groups', 32, (groups) => at({ groups })),
    ...each('model.default_output_tokens', int64s, (value) => at({ defaultOutputTokens: value })),
    ...each('model.context_window', int64s, (contextWindow) => at({ contextWindow })),
  ]),
  ...record('CatalogService', 'ModelGroup', 'model_group', (at) => [
    ...each('model_group.description', texts(1000), (description) => at({ description })),
  ]),
  ...record('CatalogService', 'RouteGroup', 'route_group', (at) => [
    ...idLists('route_group.members', 64, (members) => at({ members })),
    ...each('route_group.members', [[], ['ghost']], (members) => at({ members })),
  ]),
];

const organization: Make = (value) => ({ organization: { id: 'acme', ...(value as Json) } });
/** Wrong settings of an organization. */
export const settings: Case[] = [
  ['organization', {}],
  ...each('organization.id', ids, (id) => organization({ id })),
  ...each('organization.etag', [...notStrings, '\ud800'], (etag) => organization({ etag })),
  ...each('organization.display_name', texts(200), (displayName) => organization({ displayName })),
  ...each('organization.owner', texts(200), (owner) => organization({ owner })),
  ...[
    'state',
    'catalog',
    'week_start',
    'unpriced',
    'on_expiry',
    'on_unknown_usage',
    'store_content',
  ].flatMap((field) =>
    each(`organization.${field}`, enums, (value) => organization({ [field]: value })),
  ),
  ...['unknown_models', 'unknown_subjects', 'on_store_failure'].flatMap((field) =>
    each(`organization.${field}`, enums, (value) => organization({ [field]: value })),
  ),
  ...each('organization.time_zone', ['Mars/Olympus', '+25:00', 'UTC\u0000', ' UTC'], (timeZone) =>
    organization({ timeZone }),
  ),
  ...each('organization.month_anchor_day', [0, 32, -1, 1.5], (monthAnchorDay) =>
    organization({ monthAnchorDay }),
  ),
  ...each('organization.default_output_tokens', int64s, (defaultOutputTokens) =>
    organization({ defaultOutputTokens }),
  ),
  ...changeCases(organization({})),
];
