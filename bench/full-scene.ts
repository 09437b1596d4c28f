import { secretSha256 } from '../src/platform/secret.ts';
import type { Change, PolicyStore } from '../src/policies/policy-store.ts';
import type { Subject } from '../src/core/subject.ts';
import type { Limit } from '../src/core/policy.ts';
import { limit } from './limit.ts';

/** The secret of the API key in the full model's organization. */
export const fullKeySecret = 'tg_key_bench';

/** What a call of the full model names beside its key and user: eight subjects and a label. */
export const fullSubjects = {
  teams: ['squad'],
  tier: 'pro',
  principal: 'agent:planner',
  app: 'crm',
  customer: 'contoso',
  labels: { env: 'prod' },
} as const;

/**
 * Adds what makes an organization use the whole policy model: nested teams, a tier, a key, a principal, a
 * customer, limits with targets and members, model access. No call exceeds a limit.
 */
export async function addFullModel(store: PolicyStore, orgId: string, by: Change): Promise<void> {
  const active = { displayName: '', state: 'ACTIVE' as const };
  await store.put(orgId, 'team', { id: 'squad', ...active, parent: 'red' }, by);
  await store.put(orgId, 'principal', planner, by);
  await store.put(orgId, 'customer', { id: 'contoso', displayName: '' }, by);
  await store.createCredential(orgId, fullKey, secretSha256(fullKeySecret), by);
  const policies: [Subject, Limit[]][] = [
    [
      { kind: 'team', id: 'squad' },
      [
        limit('cap', 'COST', 'MONTH'),
        limit('large', 'COST', 'DAY', { targets: ['gpt-*'] }),
        limit('member', 'TOKENS', 'DAY', { for: { kind: 'USER' } }),
      ],
    ],
    [
      { kind: 'tier', id: 'pro' },
      [limit('daily', 'REQUESTS', 'DAY'), limit('spend', 'COST', 'MONTH')],
    ],
    [
      { kind: 'key', id: 'k1' },
      [limit('life', 'COST', 'LIFETIME'), limit('rpm', 'REQUESTS', 'MINUTE')],
    ],
    [{ kind: 'principal', id: 'agent:planner' }, [limit('daily', 'COST', 'DAY')]],
    [{ kind: 'customer', id: 'contoso' }, [limit('monthly', 'COST', 'MONTH')]],
    [{ kind: 'label', id: 'env=prod' }, [limit('daily', 'COST', 'DAY')]],
  ];
  for (const [subject, limits] of policies) {
    const access =
      subject.kind === 'team'
        ? {
            allow: ['gpt-*', 'claude-*'],
            deny: ['gpt-3*'],
            maxTier: undefined,
            mode: 'NARROW' as const,
          }
        : undefined;
    const policy = { subject, revision: 0, limits, access, bypass: undefined, notes: '' };
    await store.putPolicy(orgId, policy, by);
  }
}

const planner = {
  id: 'agent:planner',
  displayName: '',
  kind: 'AGENT' as const,
  namespace: '',
  groups: [],
  app: undefined,
  purpose: '',
};

/** An API key of the full model. */
export const fullKey = {
  kind: 'key' as const,
  id: 'k1',
  displayName: '',
  user: undefined,
  team: 'squad',
  principal: 'agent:planner',
  app: undefined,
  customer: undefined,
  scopes: ['model.invoke'],
  state: 'ACTIVE' as const,
  expiresAtMs: undefined,
  lastFour: 'ench',
};
