import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import type { NamedSubjects } from '../../src/core/call.ts';
import type { Model, PriceScope } from '../../src/core/catalog.ts';
import type { Credential, Team, User } from '../../src/core/directory.ts';
import type { Organization } from '../../src/core/organization.ts';
import type { Limit, Policy } from '../../src/core/policy.ts';
import type { Subject } from '../../src/core/subject.ts';
import { plainOrganization } from '../support/organization.ts';
import { createPgPolicyStore } from '../../src/policies/store/pg-policy-store.ts';
import type { ViewNeed } from '../../src/policies/policies.ts';
import type { Change, PolicyStore } from '../../src/policies/policy-store.ts';
import type { NewPrice } from '../../src/policies/stored-price.ts';

/** 2026-03-10T09:00:00Z. */
export const startMs = 1_773_133_200_000;

/** A change that may do either, by a tester. */
export const change: Change = { actor: 'tester', reason: 'because', exists: 'any' };

/** An organization with the default settings. */
export function organization(id: string, more: Partial<Organization> = {}): Organization {
  return plainOrganization(id, { displayName: '', ...more });
}

/** An active team. */
export function team(id: string, parent?: string): Team {
  return { id, displayName: '', parent, state: 'ACTIVE' };
}

/** An active user. */
export function user(id: string, more: Partial<User> = {}): User {
  return { id, displayName: '', teams: [], tier: undefined, state: 'ACTIVE', ...more };
}

/** An active API key that may invoke models. */
export function key(id: string, more: Partial<Credential> = {}): Credential {
  return {
    kind: 'key',
    id,
    displayName: '',
    user: undefined,
    team: undefined,
    principal: undefined,
    app: undefined,
    customer: undefined,
    scopes: ['model.invoke'],
    state: 'ACTIVE',
    expiresAtMs: undefined,
    lastFour: 'abcd',
    ...more,
  };
}

/** A model without labels. */
export function model(id: string, more: Partial<Model> = {}): Model {
  return {
    id,
    displayName: '',
    state: 'ACTIVE',
    provider: undefined,
    tierRank: undefined,
    groups: [],
    defaultOutputTokens: undefined,
    contextWindow: undefined,
    ...more,
  };
}

/** A daily BLOCK limit of requests for the declaring subject. */
export function limit(name: string, more: Partial<Limit> = {}): Limit {
  return {
    name,
    metric: 'REQUESTS',
    window: 'DAY',
    amount: 10n,
    action: 'BLOCK',
    thresholds: [80],
    for: { kind: 'SELF' },
    targets: [],
    enabled: true,
    ...more,
  };
}

/** A policy of limits alone. */
export function policy(subject: Subject, limits: readonly Limit[] = []): Policy {
  return { subject, revision: 0, limits, access: undefined, bypass: undefined, notes: '' };
}

/** A flat price in force from the start. */
export function price(
  scope: PriceScope,
  subject: string,
  input = 2_500_000_000n,
  serviceTier?: string,
): NewPrice {
  const rates = {
    aboveInputTokens: 0n,
    input,
    output: 10_000_000_000n,
    cachedInput: undefined,
    cacheWrite: undefined,
    cacheWrite1h: undefined,
    reasoningOutput: undefined,
    perRequest: 0n,
    units: [],
  };
  const perTokens = 1_000_000n;
  return {
    scope,
    subject,
    serviceTier,
    perTokens,
    rates: [rates],
    effectiveAtMs: startMs,
    reason: '',
  };
}

/** What a call needs that names these subjects. */
export function need(
  subjects: Partial<NamedSubjects>,
  credential?: ViewNeed['credential'],
): ViewNeed {
  const none: NamedSubjects = {
    teams: [],
    user: undefined,
    tier: undefined,
    key: undefined,
    principal: undefined,
    app: undefined,
    customer: undefined,
    labels: new Map(),
  };
  return { subjects: { ...none, ...subjects }, credential };
}

/** A store whose clock stands still and whose calendar changes touch no meter. */
export function storeOn(
  pool: Pool,
  more: Partial<Parameters<typeof createPgPolicyStore>[0]> = {},
): PolicyStore {
  return createPgPolicyStore({
    pool,
    clock: { nowMs: () => startMs },
    onCalendarChange: async () => {},
    onUsageChange: async () => undefined,
    ...more,
  });
}

/** A name that no other test of the file uses. */
export function freshId(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}
