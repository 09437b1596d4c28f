import type { Pool } from 'pg';
import { createPgAccessStore } from '../src/auth/pg-access-store.ts';
import { secretSha256 } from '../src/platform/secret.ts';
import type { Change } from '../src/policies/policy-store.ts';
import { createPgPolicyStore } from '../src/policies/store/pg-policy-store.ts';
import { addFullModel } from './full-scene.ts';
import { limit } from './limit.ts';

/** The gateway secret of the benchmark's throw-away store. */
export const benchSecret = 'tg_gateway_bench';

/** Users of each organization; all on one team, so that organization and team are hot. */
export const benchUsers = 1000;

/** The id of a user, by its number of nine digits. */
export function benchUser(number: string): string {
  return `user-${number}`;
}

const by: Change = { actor: 'bench', reason: 'bench', exists: 'any' };

/**
 * Makes organizations with 8 limits that no call exceeds, on 4 subjects: organization, team, user and app.
 * In organization `deny` the user's daily requests are 0, so every call is refused; organization `full` uses
 * the whole policy model.
 */
export async function setScene(pool: Pool, orgIds: readonly string[]): Promise<void> {
  const clock = { nowMs: () => Date.now() };
  const store = createPgPolicyStore({
    pool,
    clock,
    onCalendarChange: () => Promise.resolve(),
    onUsageChange: () => Promise.resolve(undefined),
  });
  const forUser = { for: { kind: 'USER' as const } };
  for (const orgId of [...orgIds, 'deny', 'full']) {
    await store.createOrganization(organization(orgId), by);
    await store.put(
      orgId,
      'team',
      { id: 'red', displayName: '', parent: undefined, state: 'ACTIVE' },
      by,
    );
    await store.put(orgId, 'model', model, by);
    const none = { revision: 0, access: undefined, bypass: undefined, notes: '' };
    const refused = orgId === 'deny' ? { amount: 0n } : {};
    await store.putPolicy(
      orgId,
      {
        ...none,
        subject: { kind: 'org', id: '' },
        limits: [
          limit('cap', 'COST', 'MONTH'),
          limit('rpm', 'REQUESTS', 'MINUTE'),
          limit('tpm', 'TOKENS', 'MINUTE'),
          limit('each', 'COST', 'DAY', forUser),
          limit('each-rpd', 'REQUESTS', 'DAY', { ...forUser, ...refused }),
          limit('each-app', 'COST', 'MONTH', { for: { kind: 'APP' } }),
        ],
      },
      by,
    );
    await store.putPolicy(
      orgId,
      {
        ...none,
        subject: { kind: 'team', id: 'red' },
        limits: [
          limit('cap', 'COST', 'MONTH'),
          limit('open', 'CONCURRENCY', undefined, { thresholds: [] }),
        ],
      },
      by,
    );
    await store.appendPrices(orgId, [price], by);
  }
  await addFullModel(store, 'full', by);
  await createPgAccessStore(pool).create(
    [{ name: 'bench', role: 'gateway', orgIds: undefined, sha256: secretSha256(benchSecret) }],
    'test',
  );
}

const organization = (id: string) => ({
  id,
  displayName: id,
  state: 'ACTIVE' as const,
  calendar: { timeZone: 'Europe/Berlin', weekStart: 1, monthAnchorDay: 1 },
  unknownModels: undefined,
  catalog: 'INHERIT' as const,
  unknownSubjects: 'ALLOW' as const,
  unpriced: 'DENY' as const,
  onExpiry: 'RELEASE' as const,
  onUnknownUsage: 'HELD' as const,
  onStoreFailure: 'DENY' as const,
  storeContent: 'METADATA' as const,
  defaultOutputTokens: 0n,
});

const model = {
  id: 'gpt-4o',
  displayName: '',
  state: 'ACTIVE' as const,
  provider: 'openai',
  tierRank: undefined,
  groups: [],
  defaultOutputTokens: undefined,
  contextWindow: undefined,
};

const price = {
  scope: 'MODEL' as const,
  subject: 'gpt-4o',
  serviceTier: undefined,
  perTokens: 1_000_000n as const,
  rates: [
    {
      aboveInputTokens: 0n,
      input: 2_500_000_000n,
      output: 10_000_000_000n,
      cachedInput: undefined,
      reasoningOutput: undefined,
      cacheWrite: undefined,
      cacheWrite1h: undefined,
      perRequest: 0n,
      units: [],
    },
  ],
  effectiveAtMs: 0,
  reason: 'bench',
};
