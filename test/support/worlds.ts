import * as fc from 'fast-check';
import { byCodeUnit } from '../../src/core/meter.ts';
import type { Access, LimitFor } from '../../src/core/policy.ts';
import type { Said, SaidCall, SaidLimit, SaidPolicy } from './view.ts';

/** Random organizations, small enough that everything meets everything, and calls inside them. */
export interface World {
  readonly said: Said;
  readonly call: SaidCall;
}

/** The instant at which worlds are judged; half of what expires in them is past by then. */
export const worldNowMs = 1_000_000;

const teamIds = ['t0', 't1', 't2', 't3'] as const;
const modelIds = ['m0', 'm1', 'm10', 'x0'] as const;
const targets = ['m0', 'm1', 'm10', 'x0', 'r0', 'r1', 'unknown'] as const;
const patterns = [
  'm0',
  'm1',
  'm*',
  '*0',
  'm*0',
  'group:g0',
  'group:g1',
  'r0',
  'x0',
  '*',
  'un*',
] as const;

const targetLists = fc.oneof(
  { weight: 3, arbitrary: fc.constant<readonly string[]>([]) },
  {
    weight: 2,
    arbitrary: fc.uniqueArray(fc.constantFrom(...patterns), { minLength: 1, maxLength: 2 }),
  },
);

function limitsFor(fors: readonly LimitFor[]): fc.Arbitrary<SaidLimit[]> {
  const limit = fc.record({
    metric: fc.constantFrom('COST', 'COST', 'REQUESTS', 'CONCURRENCY'),
    window: fc.constantFrom('DAY', 'DAY', 'MONTH'),
    amount: fc.constantFrom(0n, 1n, 1n, 2n, undefined),
    action: fc.constantFrom('BLOCK', 'BLOCK', 'WARN', 'DRY_RUN'),
    for: fc.constantFrom(...fors),
    targets: targetLists.map((list) => list.toSorted(byCodeUnit)),
    enabled: fc.constantFrom(true, true, true, true, false),
  });
  return fc.array(limit, { maxLength: 4 }).map((made) =>
    made.map((said, index) => ({
      ...said,
      name: `l${index}`,
      window: said.metric === 'CONCURRENCY' ? undefined : said.window,
    })),
  );
}

const accesses: fc.Arbitrary<Access> = fc.record({
  allow: fc.uniqueArray(fc.constantFrom(...patterns), { maxLength: 3 }),
  deny: fc.uniqueArray(fc.constantFrom(...patterns), { maxLength: 1 }),
  maxTier: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  mode: fc.constantFrom('NARROW', 'REPLACE'),
});

function policies(kinds: readonly LimitFor['kind'][]): fc.Arbitrary<SaidPolicy | undefined> {
  const fors = kinds.flatMap((kind): LimitFor[] =>
    kind === 'LABEL'
      ? [
          { kind, key: 'feature' },
          { kind, key: 'env' },
        ]
      : [{ kind }],
  );
  const policy = fc.record({
    limits: limitsFor(fors),
    access: fc.option(accesses, { nil: undefined, freq: 3 }),
  });
  return fc.option(
    policy.map(({ limits, access }) => ({ limits, ...(access === undefined ? {} : { access }) })),
    { nil: undefined, freq: 5 },
  );
}

const defaults = ['SELF', 'USER', 'KEY', 'CUSTOMER', 'PRINCIPAL', 'APP', 'TEAM', 'LABEL'] as const;
const ofTeam = [...defaults, 'MEMBER'] as const;

const declared: fc.Arbitrary<Record<string, SaidPolicy>> = fc
  .record({
    org: policies(defaults),
    ...Object.fromEntries(teamIds.map((id) => [`team:${id}`, policies(ofTeam)])),
    'tier:pro': policies(['USER']),
    'tier:free': policies(['USER']),
    'user:u0': policies(['SELF']),
    'user:stranger': policies(['SELF']),
    'key:k0': policies(['SELF']),
    'key:k1': policies(['SELF']),
    'token:s0': policies(['SELF']),
    'principal:agent:a0': policies(['SELF']),
    'app:crm': policies(['SELF']),
    'customer:c0': policies(['SELF']),
    'label:feature=search': policies(['SELF']),
  })
  .map((found) =>
    Object.fromEntries(
      Object.entries(found).flatMap(([subject, policy]) =>
        policy === undefined ? [] : [[subject, policy]],
      ),
    ),
  );

const active = fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'ACTIVE', 'SUSPENDED');
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });
const someTeams = fc.uniqueArray(fc.constantFrom(...teamIds), { maxLength: 3 });

const teams = fc
  .tuple(...teamIds.map((_, index) => fc.tuple(fc.integer({ min: -1, max: index - 1 }), active)))
  .map((made) =>
    made.map(([parent, state], index) => ({
      id: teamIds[index] ?? '',
      parent: parent < 0 ? undefined : teamIds[parent],
      state,
    })),
  );

const none = [undefined, undefined, undefined] as const;

const credential = fc.record({
  user: fc.constantFrom(...none, 'u0', 'u0', 'stranger'),
  team: fc.constantFrom(...none, 't0', 't1'),
  principal: fc.constantFrom(...none, 'agent:a0'),
  app: fc.constantFrom(...none, 'crm'),
  customer: fc.constantFrom(...none, 'c0'),
  scopes: fc.constantFrom(['model.invoke'], ['model.invoke'], ['usage.read']),
  state: fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'DISABLED', 'REVOKED'),
  expiresAtMs: fc.constantFrom(undefined, undefined, worldNowMs - 1, worldNowMs, worldNowMs + 1),
});

const organization = fc.record({
  state: active,
  unknownModels: fc.constantFrom(undefined, 'ALLOW', 'DENY'),
  unknownSubjects: fc.constantFrom('ALLOW', 'DENY'),
  catalog: fc.constantFrom('INHERIT', 'INHERIT', 'OWN'),
});

const modelState = fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'DEPRECATED', 'DISABLED');

/** Models and route groups under names of both kinds: a name of the one may be the organization's of the other. */
const platformCatalog = fc
  .record({
    models: fc.subarray([...modelIds, 'r0']),
    groups: fc.subarray(['g0', 'g1']),
    tierRank: maybe(fc.integer({ min: 0, max: 4 })),
    state: modelState,
    routeGroups: fc.subarray(['r0', 'r1', 'x0']),
    members: fc.subarray([...modelIds, 'unknown']),
  })
  .map(({ models, routeGroups, members, ...model }) => ({
    models: models.filter((id) => !routeGroups.includes(id)).map((id) => ({ id, ...model })),
    routeGroups: routeGroups.map((id) => ({ id, members })),
  }));

const said: fc.Arbitrary<Said> = fc
  .record({
    organization,
    teams,
    user: fc.record({
      teams: someTeams,
      tier: maybe(fc.constantFrom('pro', 'free')),
      state: active,
    }),
    agentApp: maybe(fc.constantFrom('crm', 'erp')),
    credentials: fc.tuple(credential, credential, credential),
    models: fc.tuple(
      ...modelIds.map(() =>
        fc.record({
          groups: fc.subarray(['g0', 'g1']),
          tierRank: maybe(fc.integer({ min: 0, max: 4 })),
          state: modelState,
        }),
      ),
    ),
    groups: fc.tuple(fc.subarray([...modelIds]), fc.subarray([...modelIds])),
    // Which of these the organization has itself, and which the platform has.
    own: fc.subarray([...modelIds, 'r0', 'r1']),
    platform: fc.option(platformCatalog, { nil: undefined, freq: 2 }),
    policies: declared,
  })
  .map(({ user, agentApp, credentials: [k0, k1, s0], models, groups: [r0, r1], own, ...rest }) => ({
    ...rest,
    users: [{ id: 'u0', ...user }],
    principals: [{ id: 'agent:a0', app: agentApp }],
    apps: ['crm'],
    customers: ['c0'],
    keys: [
      { id: 'k0', ...k0 },
      { id: 'k1', ...k1 },
    ],
    tokens: [{ id: 's0', ...s0 }],
    models: models
      .map((model, index) => ({ id: modelIds[index] ?? '', ...model }))
      .filter(({ id }) => rest.platform === undefined || own.includes(id)),
    routeGroups: [
      { id: 'r0', members: r0 },
      { id: 'r1', members: r1 },
    ].filter(({ id }) => rest.platform === undefined || own.includes(id)),
  }));

const call: fc.Arbitrary<SaidCall> = fc.record({
  teams: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: someTeams }),
  user: fc.constantFrom('u0', 'u0', 'u0', 'stranger', undefined),
  tier: maybe(fc.constantFrom('pro', 'free')),
  key: rarely<SaidCall['key']>([undefined, undefined, 'k0', 'k1'], 'lost'),
  principal: fc.constantFrom(undefined, undefined, 'agent:a0', 'agent:new'),
  app: fc.constantFrom(undefined, undefined, 'crm', 'erp'),
  customer: fc.constantFrom(undefined, 'c0', 'c1'),
  labels: fc.constantFrom({}, { feature: 'search' }, { feature: 'chat', env: 'prod' }),
  target: fc.constantFrom(...targets),
});

const credentials = rarely<SaidCall['credential'] | undefined>(
  [undefined, undefined, { kind: 'key', id: 'k0' }, { kind: 'token', id: 's0' }],
  'UNKNOWN',
);

/** One of the usual values, once in twenty the other. */
function rarely<T>(usual: readonly T[], other: T): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 19, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constant(other) },
  );
}

/** Worlds of every kind. */
export const worlds: fc.Arbitrary<World> = fc
  .tuple(said, call, credentials)
  .map(([world, made, presented]) => ({
    said: world,
    call: presented === undefined ? made : { ...made, credential: presented },
  }));
