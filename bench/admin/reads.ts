import { benchUser } from '../scene.ts';

/** One read of the admin plane, as a page of a console would ask for it. */
export interface Read {
  readonly name: string;
  /** Service and method, after `tollgate.admin.v1.`. */
  readonly rpc: string;
  /** Its body, the n-th time. */
  readonly body: (n: number) => Readonly<Record<string, unknown>>;
}

/** What is there to be read. */
export interface ReadScene {
  readonly orgId: string;
  readonly users: number;
  /** Calls that are kept, by their ids. */
  readonly callIds: readonly string[];
  /** A page token of each list that is begun in its middle, by the name of the read. */
  readonly farTokens: ReadonlyMap<string, string>;
}

const dayMs = 86_400_000;
const spread = 7919;

/** The reads that a console does most. */
export function mostUsedReads({ orgId, users, callIds, farTokens }: ReadScene): readonly Read[] {
  const user = (n: number): string => benchUser(String((n * spread) % users).padStart(9, '0'));
  const read = (name: string, rpc: string, more: (n: number) => object = () => ({})): Read => {
    const pageToken = farTokens.get(name);
    const token = pageToken === undefined ? {} : { pageToken };
    return { name, rpc, body: (n) => ({ orgId, ...token, ...more(n) }) };
  };
  const month = {
    startTime: new Date(Date.now() - 30 * dayMs).toISOString(),
    endTime: new Date().toISOString(),
  };
  const byUser = { groupBy: [{ kind: 'USAGE_DIMENSION_KIND_USER' }], seriesCount: 10 };
  return [
    read('users, first page', 'DirectoryService/ListUsers'),
    read(farUsers, 'DirectoryService/ListUsers'),
    read('users, by word', 'DirectoryService/ListUsers', (n) => ({
      search: `ada${(n * spread) % users}`,
    })),
    read('users, by name', 'DirectoryService/ListUsers', () => ({ orderBy: 'display_name' })),
    read('teams', 'DirectoryService/ListTeams'),
    read('keys', 'CredentialService/ListKeys'),
    read('policies', 'PolicyService/ListPolicies'),
    read('policies of users', 'PolicyService/ListUserPolicies'),
    read('effective policy', 'PolicyService/GetEffectivePolicy', (n) => ({
      subject: `user:${user(n)}`,
    })),
    read('limits near their end', 'UsageService/ListLimitUsage'),
    read('usage, a month by day', 'UsageService/QueryUsage', () => ({
      ...month,
      interval: 'USAGE_INTERVAL_DAY',
    })),
    read('usage, top 10 users', 'UsageService/QueryUsage', () => ({ ...month, ...byUser })),
    read('calls', 'CallService/ListCalls'),
    read('calls of a user', 'CallService/ListCalls', (n) => ({
      subject: `user:${benchUser(String(n % 1000).padStart(9, '0'))}`,
    })),
    read('a call', 'CallService/GetCall', (n) => ({ id: callIds[n % callIds.length] ?? '' })),
    read('events', 'EnforcementService/ListEvents'),
    read('events of a user', 'EnforcementService/ListEvents', (n) => ({
      user: benchUser(String(n % 1000).padStart(9, '0')),
    })),
    read('audit entries', 'AuditService/ListAuditEntries'),
    read('revisions of limits', 'PolicyService/ListLimitRevisions'),
  ];
}

/** The list that is begun in its middle. */
export const farUsers = 'users, far page';
