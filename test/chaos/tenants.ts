import type { Pool } from 'pg';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import type { Organization } from '../../src/core/organization.ts';
import type { Limit } from '../../src/core/policy.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import {
  anyChange,
  blockLimit,
  createGateway,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from '../support/organization.ts';

/** An organization of the run, and what its callers may expect. */
export interface Tenant {
  readonly orgId: string;
  readonly onExpiry: 'RELEASE' | 'CHARGE';
  /** Checks are allowed, degraded, while the store is away. */
  readonly failsOpen: boolean;
  /** The reasons for which one of its Checks may be denied. */
  readonly deniedFor: readonly string[];
}

/** Its limits are far: what most organizations are like. */
export const roomy: Tenant = tenant('roomy');
/** Its lifetime budget, raised in each round, is not enough for all that ask. */
export const tight: Tenant = tenant('tight', { deniedFor: ['COST_EXCEEDED'] });
/** Expired holds are charged; it has derived meters, and days of its own. */
export const charging: Tenant = tenant('charging', { onExpiry: 'CHARGE' });
/** It may have few calls in flight. */
export const narrow: Tenant = tenant('narrow', { deniedFor: ['CONCURRENCY_EXCEEDED'] });
/** It lets calls pass while the store is away. */
export const open: Tenant = tenant('open', { failsOpen: true });
/** Its policy changes all the time. */
export const switched: Tenant = tenant('switched', { deniedFor: ['MODEL_DENIED'] });

export const tenants = [roomy, tight, charging, narrow, open, switched] as const;

/** The secret of the administrator that changes policies. */
export const adminSecret = 'tg_admin_for_chaos';
/** The model that has a price, and its price in nano-USD for each token. */
export const pricedModel = { name: 'priced', inputNanos: 3n, outputNanos: 7n };
/** What `narrow` may have in flight. */
export const narrowest = 6;
/** The subject that has the budget of `tight`, and the limit's name. */
export const budget = { name: 'budget', metric: 'COST', window: 'LIFETIME' } as const;

const usd = 1_000_000_000n;

function tenant(orgId: string, more: Partial<Tenant> = {}): Tenant {
  return { orgId, onExpiry: 'RELEASE', failsOpen: false, deniedFor: [], ...more };
}

/** Makes the organizations, their limits, and those who may call. */
export async function createTenants(pool: Pool): Promise<void> {
  await createGateway(pool);
  await createPgAccessStore(pool).create(
    [
      {
        name: 'chaos-admin',
        role: 'platform_admin',
        orgIds: undefined,
        sha256: secretSha256(adminSecret),
      },
    ],
    'test',
  );
  const store = policyStoreOf(pool, Date.now);
  for (const each of tenants) {
    await store.createOrganization(organizationOf(each), anyChange);
    const team = { id: 'red', displayName: '', parent: undefined, state: 'ACTIVE' as const };
    await store.put(each.orgId, 'team', team, anyChange);
    await store.appendPrices(each.orgId, [price], anyChange);
    await putLimits(store, each.orgId, orgSubject, limitsOf(each));
    await putLimits(store, each.orgId, { kind: 'team', id: 'red' }, [
      blockLimit('each', 'TOKENS', 'HOUR', 1_000_000_000n, { for: { kind: 'USER' } }),
    ]);
  }
}

function organizationOf({ orgId, onExpiry, failsOpen }: Tenant): Organization {
  const calendar = { timeZone: 'Asia/Kathmandu', weekStart: 7, monthAnchorDay: 31 };
  return plainOrganization(orgId, {
    onExpiry,
    onStoreFailure: failsOpen ? 'ALLOW' : 'DENY',
    ...(orgId === charging.orgId ? { calendar } : {}),
  });
}

function limitsOf(each: Tenant): Limit[] {
  const far = blockLimit('cap', 'COST', 'MONTH', 1_000_000n * usd, { thresholds: [80] });
  switch (each) {
    case tight:
      return [far, blockLimit(budget.name, budget.metric, budget.window, 0n)];
    case narrow:
      return [far, blockLimit('lanes', 'CONCURRENCY', undefined, BigInt(narrowest))];
    case charging:
      return [
        far,
        blockLimit('dear', 'COST', 'MINUTE', 1_000_000n * usd, { targets: ['dear'] }),
        blockLimit('pace', 'REQUESTS', 'TEN_SECONDS', 1_000_000n),
      ];
    default:
      return [far];
  }
}

const price = {
  scope: 'MODEL',
  subject: pricedModel.name,
  serviceTier: undefined,
  perTokens: 1_000n,
  rates: [
    {
      aboveInputTokens: 0n,
      input: pricedModel.inputNanos * 1_000n,
      output: pricedModel.outputNanos * 1_000n,
      cachedInput: undefined,
      reasoningOutput: undefined,
      cacheWrite: undefined,
      cacheWrite1h: undefined,
      perRequest: 0n,
      units: [],
    },
  ],
  effectiveAtMs: 0,
  reason: 'chaos',
} as const;
