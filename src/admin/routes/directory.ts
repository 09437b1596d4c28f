import type { ServiceImpl } from '@connectrpc/connect';
import {
  AppSchema,
  CustomerSchema,
  PrincipalSchema,
  TeamSchema,
  UserSchema,
} from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import type { DirectoryService, Team } from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import {
  appToMessage,
  customerToMessage,
  principalFromMessage,
  principalToMessage,
  registeredFromMessage,
  teamFromMessage,
  teamToMessage,
  tierToMessage,
  userFromMessage,
  userToMessage,
  withTeamCounts,
} from '../../wire/admin/directory.ts';
import { principalFilters, teamFilters, userFilters } from '../../wire/admin/list-filters.ts';
import { readPage } from '../../wire/admin/page.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg } from './caller.ts';
import { readOrgId } from './changes.ts';
import { deletionOf, recordMethods } from './records.ts';

/** Teams, users, principals, apps and customers. */
export function directoryRoutes(store: PolicyStore): ServiceImpl<typeof DirectoryService> {
  const teams = recordMethods(store, {
    kind: 'team',
    desc: TeamSchema,
    field: 'team',
    read: teamFromMessage,
    write: teamToMessage,
  });
  const users = recordMethods(store, {
    kind: 'user',
    desc: UserSchema,
    field: 'user',
    read: userFromMessage,
    write: userToMessage,
  });
  const principals = recordMethods(store, {
    kind: 'principal',
    desc: PrincipalSchema,
    field: 'principal',
    read: principalFromMessage,
    write: principalToMessage,
  });
  const apps = recordMethods(store, {
    kind: 'app',
    desc: AppSchema,
    field: 'app',
    read: registeredFromMessage,
    write: appToMessage,
  });
  const customers = recordMethods(store, {
    kind: 'customer',
    desc: CustomerSchema,
    field: 'customer',
    read: registeredFromMessage,
    write: customerToMessage,
  });
  /** Teams with how many members and children they have. */
  const counted = async ({ orgId }: { readonly orgId: string }, found: Team[]): Promise<Team[]> => {
    const counts = await store.countTeams(
      orgId,
      found.map(({ id }) => id),
    );
    return found.map((team) => withTeamCounts(team, counts.get(team.id)));
  };
  return {
    ...deletions(store),

    createTeam: async (request, context) => ({
      team: await teams.create(request, request.team, context),
    }),
    getTeam: async (request, context) => {
      const found = await teams.get(request, context);
      return { team: (await counted(request, [found]))[0] };
    },
    batchGetTeams: async (request, context) => {
      const { records, missingIds } = await teams.batchGet(request, context);
      return { teams: await counted(request, records), missingIds };
    },
    listTeams: async (request, context) => {
      const { records, page } = await teams.list(request, context, teamFilters);
      return { teams: await counted(request, records), ...page };
    },
    updateTeam: async (request, context) => {
      const updated = await teams.update(request, request.team, context);
      return { team: (await counted(request, [updated]))[0] };
    },

    async listTiers(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listTiers(orgId, page);
      return { tiers: items.map(tierToMessage), nextPageToken: nextToken };
    },

    createUser: async (request, context) => ({
      user: await users.create(request, request.user, context),
    }),
    getUser: async (request, context) => ({ user: await users.get(request, context) }),
    batchGetUsers: async (request, context) => {
      const { records, missingIds } = await users.batchGet(request, context);
      return { users: records, missingIds };
    },
    listUsers: async (request, context) => {
      const { records, page } = await users.list(request, context, userFilters);
      return { users: records, ...page };
    },
    updateUser: async (request, context) => ({
      user: await users.update(request, request.user, context),
    }),

    createPrincipal: async (request, context) => ({
      principal: await principals.create(request, request.principal, context),
    }),
    getPrincipal: async (request, context) => ({
      principal: await principals.get(request, context),
    }),
    batchGetPrincipals: async (request, context) => {
      const { records, missingIds } = await principals.batchGet(request, context);
      return { principals: records, missingIds };
    },
    listPrincipals: async (request, context) => {
      const { records, page } = await principals.list(request, context, principalFilters);
      return { principals: records, ...page };
    },
    updatePrincipal: async (request, context) => ({
      principal: await principals.update(request, request.principal, context),
    }),

    createApp: async (request, context) => ({
      app: await apps.create(request, request.app, context),
    }),
    getApp: async (request, context) => ({ app: await apps.get(request, context) }),
    batchGetApps: async (request, context) => {
      const { records, missingIds } = await apps.batchGet(request, context);
      return { apps: records, missingIds };
    },
    listApps: async (request, context) => {
      const { records, page } = await apps.list(request, context);
      return { apps: records, ...page };
    },
    updateApp: async (request, context) => ({
      app: await apps.update(request, request.app, context),
    }),

    createCustomer: async (request, context) => ({
      customer: await customers.create(request, request.customer, context),
    }),
    getCustomer: async (request, context) => ({ customer: await customers.get(request, context) }),
    batchGetCustomers: async (request, context) => {
      const { records, missingIds } = await customers.batchGet(request, context);
      return { customers: records, missingIds };
    },
    listCustomers: async (request, context) => {
      const { records, page } = await customers.list(request, context);
      return { customers: records, ...page };
    },
    updateCustomer: async (request, context) => ({
      customer: await customers.update(request, request.customer, context),
    }),
  };
}

type Deletions = Pick<
  ServiceImpl<typeof DirectoryService>,
  'deleteTeam' | 'deleteUser' | 'deletePrincipal' | 'deleteApp' | 'deleteCustomer'
>;

function deletions(store: PolicyStore): Deletions {
  const teams = deletionOf(store, 'team', teamToMessage);
  const users = deletionOf(store, 'user', userToMessage);
  const principals = deletionOf(store, 'principal', principalToMessage);
  const apps = deletionOf(store, 'app', appToMessage);
  const customers = deletionOf(store, 'customer', customerToMessage);
  return {
    deleteTeam: async (request, context) => ({ team: await teams(request, context) }),
    deleteUser: async (request, context) => ({ user: await users(request, context) }),
    deletePrincipal: async (request, context) => ({
      principal: await principals(request, context),
    }),
    deleteApp: async (request, context) => ({ app: await apps(request, context) }),
    deleteCustomer: async (request, context) => ({ customer: await customers(request, context) }),
  };
}
