import type { Organization } from '../core/organization.ts';
import type { Limit, Policy } from '../core/policy.ts';
import { newSecret, secretSha256 } from '../platform/secret.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Change, PolicyStore } from '../policies/policy-store.ts';
import { createExampleCatalog } from './example-catalog.ts';
import type { ImportPrices } from './example-catalog.ts';
import type { AccessStore, NewAccess } from './auth.ts';

/** What is shown once, at the first start on an empty store. */
export interface FirstSecrets {
  readonly admin: string;
  readonly gateway: string;
}

const usd = 1_000_000_000n;
const orgId = 'acme';
const reason = 'example of the first start';

/**
 * On a store without any secret: makes an administrator's and a gateway's secret, and if wanted the example
 * organization `acme` and a catalog of the platform, which it inherits. Undefined on any other store. The secrets are
 * shown before they are committed. May be interrupted and repeated; of several processes that start at once, one makes
 * the secrets.
 */
export async function firstStart(parts: {
  readonly access: AccessStore;
  readonly store: PolicyStore;
  readonly withExample: boolean;
  readonly importPrices: ImportPrices;
  /** Shows the secrets, or keeps them in a file; they are not made if it fails. */
  readonly show?: ((secrets: FirstSecrets) => Promise<void>) | undefined;
}): Promise<FirstSecrets | undefined> {
  const { access, store, withExample, importPrices, show } = parts;
  if (!(await access.isEmpty())) return undefined;
  if (withExample) await createExample(store, importPrices);
  const secrets = { admin: newSecret('admin'), gateway: newSecret('gateway') };
  const isFirst = await access.create(entriesOf(secrets), 'first start', async () =>
    show?.(secrets),
  );
  return isFirst ? secrets : undefined;
}

function entriesOf({ admin, gateway }: FirstSecrets): readonly NewAccess[] {
  const kept = (secret: string) => ({
    sha256: secretSha256(secret),
    lastFour: secret.slice(-4),
    orgIds: undefined,
  });
  return [
    { name: 'first-admin', role: 'platform_admin', ...kept(admin) },
    { name: 'first-gateway', role: 'gateway', ...kept(gateway) },
  ];
}

/** Every change has a fixed request id, so that the next start completes what an interrupted one began. */
async function createExample(store: PolicyStore, importPrices: ImportPrices): Promise<void> {
  if (!(await isOurs(store.createOrganization(example, by('organization'))))) return;
  await createExampleCatalog(store, importPrices, by);
  await store.put(orgId, 'team', team, by('team'));
  await store.put(orgId, 'user', user, by('user'));
  for (const policy of policies) {
    await store.putPolicy(orgId, policy, by(`policy-${policy.subject.kind}`));
  }
}

/** False when somebody else's organization has the name already: then nothing of it is touched. */
async function isOurs(creation: Promise<unknown>): Promise<boolean> {
  try {
    await creation;
    return true;
  } catch (cause) {
    if (cause instanceof ServiceError && cause.kind === 'ALREADY_EXISTS') return false;
    throw cause;
  }
}

function by(step: string): Change {
  return { actor: 'tollgate', reason, exists: 'any', requestId: `first-start-${step}` };
}

const example: Organization = {
  id: orgId,
  displayName: 'Acme (example)',
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
};

const team = {
  id: 'research',
  displayName: 'Research',
  parent: undefined,
  state: 'ACTIVE',
} as const;

const user = {
  id: 'alice',
  displayName: 'Alice',
  teams: [team.id],
  tier: undefined,
  state: 'ACTIVE',
} as const;

const policies: readonly Policy[] = [
  policyOf(
    { kind: 'org', id: '' },
    { name: 'cap', metric: 'COST', window: 'MONTH', amount: 100n * usd },
  ),
  policyOf(
    { kind: 'team', id: 'research' },
    { name: 'pace', metric: 'REQUESTS', window: 'MINUTE', amount: 60n },
  ),
  policyOf(
    { kind: 'user', id: 'alice' },
    { name: 'daily', metric: 'COST', window: 'DAY', amount: 5n * usd },
  ),
];

function policyOf(
  subject: Policy['subject'],
  limit: Pick<Limit, 'name' | 'metric' | 'window' | 'amount'>,
): Policy {
  const defaults = { action: 'BLOCK', thresholds: [80], targets: [], enabled: true } as const;
  return {
    subject,
    revision: 0,
    limits: [{ ...limit, ...defaults, for: { kind: 'SELF' } }],
    access: undefined,
    bypass: undefined,
    notes: '',
  };
}
