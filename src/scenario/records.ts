import { fieldsOf, itemsOf } from './form.ts';
import type { Fields } from './form.ts';
import type { Json } from './admin-client.ts';
import { enumOf, textOf, textsOf } from './values.ts';
import { putPrice } from './price-steps.ts';
import { platformLists } from './keys.ts';
import { declareOrg, ownerOf } from './world.ts';
import type { World } from './world.ts';

/** How a kind of record travels: its service, its message, and its fields. */
interface RecordCalls {
  readonly service: string;
  readonly name: string;
  readonly field: string;
  readonly message: (fields: Fields) => Json;
}

const registered = (fields: Fields): Json => ({
  id: textOf(fields['id']),
  display_name: textOf(fields['display_name']),
});

const credential = (fields: Fields): Json => ({
  ...registered(fields),
  user: textOf(fields['user']),
  team: textOf(fields['team']),
  principal: textOf(fields['principal']),
  app: textOf(fields['app']),
  customer: textOf(fields['customer']),
  scopes: textsOf(fields['scopes']),
  expire_time: textOf(fields['expires']),
  state: enumOf('CREDENTIAL_STATE', fields['state']),
});

/** By the kind that steps name (`put_team`). */
export const recordCalls: Readonly<Record<string, RecordCalls>> = {
  team: {
    service: 'DirectoryService',
    name: 'Team',
    field: 'team',
    message: (fields) => ({
      ...registered(fields),
      parent: textOf(fields['parent']),
      state: enumOf('SUBJECT_STATE', fields['state']),
    }),
  },
  user: {
    service: 'DirectoryService',
    name: 'User',
    field: 'user',
    message: (fields) => ({
      ...registered(fields),
      teams: textsOf(fields['teams']),
      tier: textOf(fields['tier']),
      state: enumOf('SUBJECT_STATE', fields['state']),
    }),
  },
  app: { service: 'DirectoryService', name: 'App', field: 'app', message: registered },
  principal: {
    service: 'DirectoryService',
    name: 'Principal',
    field: 'principal',
    message: (fields) => ({
      ...registered(fields),
      kind: enumOf('PRINCIPAL_KIND', fields['kind']),
      namespace: textOf(fields['namespace']),
      groups: textsOf(fields['groups']),
      app: textOf(fields['app']),
      purpose: textOf(fields['purpose']),
    }),
  },
  customer: {
    service: 'DirectoryService',
    name: 'Customer',
    field: 'customer',
    message: registered,
  },
  key: { service: 'CredentialService', name: 'Key', field: 'key', message: credential },
  token: { service: 'CredentialService', name: 'Token', field: 'token', message: credential },
  model: {
    service: 'CatalogService',
    name: 'Model',
    field: 'model',
    message: (fields) => ({
      ...registered(fields),
      state: enumOf('MODEL_STATE', fields['state']),
      provider: textOf(fields['provider']),
      tier_rank: textOf(fields['tier_rank']),
      groups: textsOf(fields['groups']),
      default_output_tokens: textOf(fields['default_output_tokens']),
      context_window: textOf(fields['context_window']),
    }),
  },
  route_group: {
    service: 'CatalogService',
    name: 'RouteGroup',
    field: 'route_group',
    message: (fields) => ({ ...registered(fields), members: textsOf(fields['members']) }),
  },
};

/** Creates or replaces a record in full; a new credential's secret is kept. */
export async function putRecord(world: World, kind: string, fields: Fields): Promise<void> {
  const calls = recordCalls[kind];
  if (calls === undefined) throw new Error(`no record is called ${kind}`);
  const { service, name, field, message } = calls;
  const { admin } = world.instance;
  const request = { ...ownerOf(world, fields), [field]: message(fields), reason: 'scenario' };
  const inFull = { ...request, update_mask: '*' };
  const id = textOf(fields['id']) ?? '';
  const isCredential = service === 'CredentialService';
  if (!isCredential) {
    await admin.call(`${service}/Update${name}`, { ...inFull, allow_missing: true });
  } else if (world.secrets.has(`${kind} ${id}`)) {
    await admin.call(`${service}/Update${name}`, inFull);
  } else {
    const { secret } = await admin.call(`${service}/Create${name}`, request);
    world.secrets.set(`${kind} ${id}`, String(secret));
  }
}

/** The kinds that have a `delete_…` step. */
export const deletableKinds: readonly string[] = Object.keys(recordCalls).filter(
  (kind) => kind !== 'key' && kind !== 'token',
);

/** Deletes a record. */
export async function deleteRecord(world: World, kind: string, fields: Fields): Promise<void> {
  const calls = recordCalls[kind];
  if (calls === undefined) throw new Error(`no record is called ${kind}`);
  const request = {
    ...ownerOf(world, fields),
    id: textOf(fields['id']),
    reason: textOf(fields['reason']),
  };
  await world.instance.admin.call(`${calls.service}/Delete${calls.name}`, request);
}

/** Ends a key or token. */
export async function revokeCredential(world: World, kind: string, fields: Fields): Promise<void> {
  const name = recordCalls[kind]?.name ?? '';
  const request = {
    org_id: world.orgId,
    id: textOf(fields['id']),
    reason: textOf(fields['reason']),
  };
  await world.instance.admin.call(`CredentialService/Revoke${name}`, request);
}

/** Creates the organization, or replaces its settings in full. */
export async function putOrganization(world: World, fields: Fields): Promise<void> {
  const written = textOf(fields['id']);
  const rule = (field: string): unknown => enumOf('DEFAULT_RULE', fields[field]);
  const organization = {
    id: written === undefined ? world.orgId : declareOrg(world, written),
    display_name: textOf(fields['display_name']),
    state: enumOf('ORGANIZATION_STATE', fields['state']),
    time_zone: textOf(fields['time_zone']),
    week_start: enumOf('WEEK_DAY', fields['week_start']),
    month_anchor_day: textOf(fields['month_anchor_day']),
    catalog: enumOf('CATALOG_RULE', fields['catalog']),
    unknown_models: rule('unknown_models'),
    unknown_subjects: rule('unknown_subjects'),
    unpriced: enumOf('UNPRICED_RULE', fields['unpriced']),
    on_expiry: enumOf('EXPIRY_RULE', fields['on_expiry']),
    on_unknown_usage: enumOf('UNKNOWN_USAGE_RULE', fields['on_unknown_usage']),
    on_store_failure: rule('on_store_failure'),
    store_content: enumOf('STORE_CONTENT', fields['store_content']),
    default_output_tokens: textOf(fields['default_output_tokens']),
  };
  const request = { organization, update_mask: '*', allow_missing: true, reason: 'scenario' };
  await world.instance.admin.call('OrganizationService/UpdateOrganization', request);
}

const lists = [
  ['teams', 'team'],
  ['apps', 'app'],
  ['users', 'user'],
  ['principals', 'principal'],
  ['customers', 'customer'],
  ['keys', 'key'],
  ['tokens', 'token'],
  ['models', 'model'],
  ['route_groups', 'route_group'],
] as const;

/** Makes the organization as it stands before the first step. */
export async function setUp(
  world: World,
  content: Fields,
  putPolicy: (fields: Fields) => Promise<unknown>,
): Promise<void> {
  await setUpPlatform(world, fieldsOf(content['platform']));
  await putOrganization(world, fieldsOf(content['org']));
  for (const [list, kind] of lists) {
    const items = itemsOf(content[list]);
    for (const fields of kind === 'team' ? parentsFirst(items) : items) {
      await putRecord(world, kind, fields);
    }
  }
  for (const fields of itemsOf(content['prices'])) await putPrice(world, fields);
  for (const [subject, policy] of Object.entries(fieldsOf(content['policies']))) {
    await putPolicy({ ...fieldsOf(policy), subject });
  }
}

async function setUpPlatform(world: World, content: Fields): Promise<void> {
  for (const [list, kind] of platformLists) {
    for (const item of itemsOf(content[list])) {
      const fields = { ...item, platform: true };
      await (kind === 'price' ? putPrice(world, fields) : putRecord(world, kind, fields));
    }
  }
}

/** Teams in an order in which every parent stands before its children. */
function parentsFirst(teams: readonly Fields[]): Fields[] {
  const ordered: Fields[] = [];
  const add = (team: Fields, depth: number): void => {
    if (ordered.includes(team) || depth > teams.length) return;
    const parent = teams.find(({ id }) => id !== undefined && id === team['parent']);
    if (parent !== undefined) add(parent, depth + 1);
    ordered.push(team);
  };
  for (const team of teams) add(team, 0);
  return ordered;
}
