import type { Pool } from 'pg';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import type { Organization } from '../../src/core/organization.ts';
import type { Limit } from '../../src/core/policy.ts';
import type { Subject } from '../../src/core/subject.ts';
import { rebuildWindows } from '../../src/ledger/record/rebuild-windows.ts';
import { changeUsage } from '../../src/ledger/usage/change-usage.ts';
import { handMovedClock } from '../../src/platform/database-clock.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import { createPgPolicyStore } from '../../src/policies/store/pg-policy-store.ts';
import type { Change, PolicyStore } from '../../src/policies/policy-store.ts';

/** The secret of the gateway that `createGateway` lets in. */
export const gatewayToken = 'tg_gateway_for_tests';

/** A change without conditions. */
export const anyChange: Change = { actor: 'test', reason: 'test', exists: 'any' };

/** An organization with every setting at its default. */
export function plainOrganization(id: string, more: Partial<Organization> = {}): Organization {
  return {
    id,
    displayName: id,
    state: 'ACTIVE',
    calendar: { timeZone: 'UTC', weekStart: 1, monthAnchorDay: 1 },
    unknownModels: undefined,
    catalog: 'INHERIT',
    unknownSubjects: 'ALLOW',
    unpriced: 'DENY',
    onExpiry: 'RELEASE',
    onUnknownUsage: 'HELD',
    onStoreFailure: 'DENY',
    storeContent: 'METADATA',
    defaultOutputTokens: 0n,
    ...more,
  };
}

/** A BLOCK limit on the declaring subject itself. */
export function blockLimit(
  name: string,
  metric: Limit['metric'],
  window: Limit['window'],
  amount: bigint,
  more: Partial<Limit> = {},
): Limit {
  return {
    name,
    metric,
    window,
    amount,
    action: 'BLOCK',
    thresholds: [],
    for: { kind: 'SELF' },
    targets: [],
    enabled: true,
    ...more,
  };
}

/** The store of policies, with the rebuild of windows that the service has too. */
export function policyStoreOf(pool: Pool, nowMs: () => number): PolicyStore {
  return createPgPolicyStore({
    pool,
    clock: { nowMs },
    onUsageChange: (client, orgId, change) =>
      changeUsage(client, orgId, change, handMovedClock({ nowMs })),
    onCalendarChange: (client, orgId, calendar) =>
      rebuildWindows(client, orgId, calendar, handMovedClock({ nowMs })),
  });
}

/** Declares limits on one subject, in place of what was there. */
export async function putLimits(
  store: PolicyStore,
  orgId: string,
  subject: Subject,
  limits: readonly Limit[],
): Promise<void> {
  const nothing = { revision: 0, access: undefined, bypass: undefined, notes: '' };
  await store.putPolicy(orgId, { ...nothing, subject, limits }, anyChange);
}

/** Lets a gateway in, by `gatewayToken`. */
export async function createGateway(pool: Pool): Promise<void> {
  const sha256 = secretSha256(gatewayToken);
  await createPgAccessStore(pool).create(
    [{ name: 'test', role: 'gateway', orgIds: undefined, sha256 }],
    'test',
  );
}
