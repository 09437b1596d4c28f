import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PriceSeries } from '../../../src/core/catalog.ts';
import type { OrganizationView } from '../../../src/core/organization-view.ts';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { CachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { PolicyStore } from '../../../src/policies/policy-store.ts';
import { policyDeletion } from '../../../src/service/admin/delete-policy.ts';
import type { NewRaise } from '../../../src/policies/stored-raise.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import {
  change,
  freshId,
  key,
  limit,
  model,
  need,
  organization,
  policy,
  price,
  startMs,
  storeOn,
  team,
  user,
} from '../builders.ts';

let database: TestDatabase;
let store: PolicyStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = storeOn(database.pool);
});
afterAll(() => database.drop());

const ids = ['a', 'b', 'c'] as const;
type Id = (typeof ids)[number];
const tiers = [undefined, 'flex', 'batch'] as const;
type Tier = (typeof tiers)[number];

type Step =
  | { readonly do: 'look' }
  | { readonly do: 'org'; readonly tokens: bigint }
  | { readonly do: 'team' | 'model'; readonly id: Id }
  | { readonly do: 'delete'; readonly kind: 'team' | 'model' | 'user'; readonly id: Id }
  | { readonly do: 'delete policy'; readonly kind: 'tier' | 'user'; readonly id: Id }
  | { readonly do: 'user' | 'key'; readonly id: Id; readonly to: Id }
  | { readonly do: 'price'; readonly id: Id; readonly to: Id; readonly tier: Tier }
  | { readonly do: 'revoke'; readonly id: Id; readonly tier: Tier }
  | { readonly do: 'raise'; readonly kind: 'tier' | 'user'; readonly id: Id; readonly for?: Id }
  | { readonly do: 'revoke raise'; readonly number: number }
  | {
      readonly do: 'policy';
      readonly kind: 'org' | 'team' | 'tier' | 'user' | 'key';
      readonly id: Id;
      readonly narrow: boolean;
    };

const id = fc.constantFrom(...ids);
const tier = fc.constantFrom(...tiers);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
  fc.record({ do: fc.constant('org' as const), tokens: fc.bigInt(0n, 2n ** 62n) }),
  fc.record({ do: fc.constantFrom('team', 'model'), id }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      kind: fc.constantFrom('team', 'model', 'user'),
      id,
    }),
  },
  fc.record({
    do: fc.constant('delete policy' as const),
    kind: fc.constantFrom('tier', 'user'),
    id: fc.constantFrom('a', 'b'),
  }),
  fc.record({ do: fc.constantFrom('user', 'key'), id, to: id }),
  fc.record({ do: fc.constant('price' as const), id, to: id, tier }),
  fc.record({ do: fc.constant('revoke' as const), id, tier }),
  {
    weight: 3,
    arbitrary: fc.record(
      {
        do: fc.constant('raise' as const),
        kind: fc.constantFrom('tier', 'user'),
        id: fc.constantFrom('a', 'b'),
        for: id,
      },
      { requiredKeys: ['do', 'kind', 'id'] },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('revoke raise' as const), number: fc.nat(1) }),
  },
  fc.record({
    do: fc.constant('policy' as const),
    kind: fc.constantFrom('org', 'team', 'tier', 'user', 'key'),
    id,
    narrow: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('policy' as const),
    kind: fc.constantFrom('tier', 'user'),
    id: fc.constantFrom('a', 'b'),
    narrow: fc.boolean(),
  }),
);

/** Whether it changed something; steps that name what is not there are refused, and that is fine. */
async function play(orgId: string, one: Exclude<Step, { do: 'look' }>): Promise<boolean> {
  try {
    await apply(orgId, one);
    return true;
  } catch (refused) {
    expect(refused).toMatchObject({ name: 'ServiceError' });
    return false;
  }
}

async function apply(orgId: string, one: Exclude<Step, { do: 'look' }>): Promise<void> {
  switch (one.do) {
    case 'org': {
      const changed = organization(orgId, { defaultOutputTokens: one.tokens });
      await store.updateOrganization(changed, change);
      return;
    }
    case 'team':
      await store.put(orgId, 'team', team(one.id), change);
      return;
    case 'model':
      await store.put(orgId, 'model', model(one.id, { contextWindow: 2n ** 60n + 1n }), change);
      return;
    case 'user':
      await store.put(orgId, 'user', user(one.id, { tier: one.to }), change);
      return;
    case 'key':
      await store.put(orgId, 'key', key(one.id, { user: one.to }), change);
      return;
    case 'price':
      await store.appendPrices(
        orgId,
        [price('MODEL', one.id, 1n, one.tier), price('KEY', one.to, 2n, one.tier)],
        change,
      );
      return;
    case 'revoke':
      await revokeLast(orgId, { scope: 'MODEL', subject: one.id, serviceTier: one.tier });
      return;
    case 'raise':
      await store.createRaise(orgId, raiseOf(one), change);
      return;
    case 'revoke raise': {
      const { items } = await store.listRaises(orgId, active, { size: 10, token: undefined });
      await store.revokeRaise(orgId, items[one.number]?.raise.id ?? 'none', change);
      return;
    }
    case 'delete':
      await store.delete(orgId, one.kind, one.id, change);
      return;
    case 'delete policy':
      const edit = policyDeletion({ kind: one.kind, id: one.id }, '');
      await store.changePolicies(orgId, [edit], change);
      return;
    case 'policy': {
      const subject = { kind: one.kind, id: one.kind === 'org' ? '' : one.id };
      const whom = one.kind === 'tier' ? { for: { kind: 'USER' as const } } : {};
      const limits = [limit('rpd', one.narrow ? { ...whom, targets: [one.id] } : whom)];
      await store.putPolicy(orgId, policy(subject, limits), change);
      return;
    }
  }
}

const active = {
  subject: undefined,
  limitName: undefined,
  owner: undefined,
  state: 'ACTIVE' as const,
};

function raiseOf({ kind, id: of, for: one }: Extract<Step, { do: 'raise' }>): NewRaise {
  return {
    id: undefined,
    subject: { kind, id: of },
    limitName: 'rpd',
    appliesTo: one === undefined ? undefined : { kind: 'user', id: one },
    kind: 'ADD',
    amount: '1',
    untilMs: startMs + 3_600_000,
  };
}

/** Ends the newest revision of a series; not found where it has ended, or where there is none. */
async function revokeLast(orgId: string, series: PriceSeries): Promise<void> {
  const { items } = await store.listPrices(orgId, {}, { size: 1000, token: undefined });
  const own = items.filter(
    ({ price: { scope, subject, serviceTier } }) =>
      scope === series.scope && subject === series.subject && serviceTier === series.serviceTier,
  );
  const last = own.at(-1);
  const { revision } = last?.revokedAtMs === undefined && last ? last.price : { revision: 999 };
  await store.revokePrice(orgId, series, revision, change);
}

function picture(view: OrganizationView): unknown {
  const kinds = ['team', 'tier', 'user', 'key'] as const;
  return {
    epoch: view.epoch,
    organization: view.organization,
    teams: ids.map((one) => view.team(one)),
    models: new Set([...view.models()].map(({ id: name }) => name)),
    details: ids.map((one) => view.model(one)),
    users: ids.map((one) => view.user(one)),
    keys: ids.map((one) => view.credential('key', one)),
    prices: ids.flatMap((one) =>
      tiers.map((of) => [view.prices('MODEL', one, of), view.prices('KEY', one, of)]),
    ),
    policies: [
      view.policy({ kind: 'org', id: '' }),
      ...kinds.flatMap((kind) => ids.map((one) => view.policy({ kind, id: one }))),
    ],
    raises: kinds.flatMap((kind) =>
      ids.map((one) => new Set(view.raises({ kind, id: one }).map((raise) => raise.id))),
    ),
    families: new Set(view.families.map((family) => JSON.stringify(family))),
  };
}

async function look(policies: CachedPolicies, orgId: string, epoch: number): Promise<unknown[]> {
  const pictures: unknown[] = [];
  for (const one of ids) {
    const view = await policies.view(orgId, need({ user: one, key: one }), epoch);
    if (view === undefined) throw new Error('the organization is absent');
    pictures.push(picture(view));
  }
  return pictures;
}

// Planted: with prices left out of the delta, with the service tiers of a delta left out, with `onNamedChange` not
// called, with raises of shared subjects or of named ones left out, with families kept from the snapshot before, and with deleted records or policies kept, this test is red.
test('what deltas make of an organization is what a whole load makes of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      const orgId = freshId('org');
      await store.createOrganization(organization(orgId), change);
      let epoch = 1;
      const followed = createCachedPolicies({ pool: database.pool });
      for (const one of [...steps, { do: 'look' } as const]) {
        if (one.do !== 'look') {
          if (await play(orgId, one)) epoch += 1;
          continue;
        }
        const whole = createCachedPolicies({ pool: database.pool });
        expect(await look(followed, orgId, epoch)).toEqual(await look(whole, orgId, 0));
      }
    }),
    { numRuns: 30, seed: Number(process.env['SEED'] ?? Date.now() % 2 ** 31) },
  );
}, 120_000);
