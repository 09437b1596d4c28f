import type { DescMethod } from '@bufbuild/protobuf';
import { AuditService } from '../../gen/tollgate/admin/v1/audit_pb.ts';
import { CallService } from '../../gen/tollgate/admin/v1/calls_pb.ts';
import { AccessService } from '../../gen/tollgate/admin/v1/access_pb.ts';
import { CatalogService } from '../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { EnforcementService } from '../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { HistoryService } from '../../gen/tollgate/admin/v1/history_pb.ts';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { PolicyService } from '../../gen/tollgate/admin/v1/policies_pb.ts';
import { RaiseService } from '../../gen/tollgate/admin/v1/raises_pb.ts';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { UserPolicyFormService } from '../../gen/tollgate/admin/v1/user_policy_forms_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { rightsOf, rowName } from './right.ts';
import type { Role } from '../service/caller.ts';
import type { Right } from './right.ts';

const viewers: Right = { roles: ['org_viewer', 'org_admin', 'platform_admin'] };
const admins: Right = { roles: ['org_admin', 'platform_admin'] };
const platform: Right = { roles: ['platform_admin'] };

const checks: Right = { roles: ['gateway', 'checker'] };
const reports: Right = { roles: ['gateway', 'reporter'] };
const either: Right = { roles: ['gateway', 'checker', 'reporter'] };

/** All of an organization, and only administrators of the platform without one. */
function viewersOr(does: string): Right {
  return { ...viewers, forPlatform: { roles: platform.roles, does } };
}

/** Administrators of an organization, and only those of the platform without one. */
function adminsOr(does: string): Right {
  return { ...admins, forPlatform: { roles: platform.roles, does } };
}

/**
 * Every RPC of both planes, and the roles that may call it. A call is judged by it before its message is read; for
 * which organizations, is judged when the message names one. Health and reflection are open to everybody.
 */
const table: ReadonlyMap<string, Right> = new Map([
  ...rightsOf(DecisionService, {
    check: checks,
    extend: checks,
    explain: checks,
    listTargets: checks,
    release: either,
    report: reports,
    batchReport: reports,
    // Each of its messages is judged as the RPC that it stands for.
    session: either,
  }),
  ...rightsOf(CallService, {
    getCall: viewers,
    listCalls: viewers,
    explainCall: viewers,
    watchCalls: viewers,
  }),
  // Which accounts an org_admin may change, and what it may give them, is in service/admin/account-rules.ts.
  ...rightsOf(AccessService, {
    getCaller: viewers,
    createAccount: admins,
    getAccount: admins,
    listAccounts: admins,
    updateAccount: admins,
    revokeAccount: admins,
    createAccountSecret: admins,
    listAccountSecrets: admins,
    rotateAccountSecret: admins,
    revokeAccountSecret: admins,
  }),
  ...rightsOf(CatalogService, {
    createModel: adminsOr('for the platform'),
    getModel: viewers,
    batchGetModels: viewers,
    listModels: viewers,
    updateModel: adminsOr('for the platform'),
    deleteModel: adminsOr('for the platform'),
    createRouteGroup: adminsOr('for the platform'),
    getRouteGroup: viewers,
    batchGetRouteGroups: viewers,
    listRouteGroups: viewers,
    updateRouteGroup: adminsOr('for the platform'),
    deleteRouteGroup: adminsOr('for the platform'),
    createModelGroup: adminsOr('for the platform'),
    getModelGroup: viewers,
    listModelGroups: viewers,
    updateModelGroup: adminsOr('for the platform'),
    deleteModelGroup: adminsOr('for the platform'),
    appendPrices: adminsOr('for the platform'),
    listPrices: viewers,
    revokePrice: adminsOr('for the platform'),
    importPrices: adminsOr('for the platform'),
    listModelUses: viewers,
    listCatalogDeviations: platform,
  }),
  ...rightsOf(CredentialService, {
    createKey: admins,
    getKey: viewers,
    batchGetKeys: viewers,
    listKeys: viewers,
    updateKey: admins,
    revokeKey: admins,
    createToken: admins,
    getToken: viewers,
    batchGetTokens: viewers,
    listTokens: viewers,
    updateToken: admins,
    revokeToken: admins,
  }),
  ...rightsOf(DirectoryService, {
    createTeam: admins,
    getTeam: viewers,
    batchGetTeams: viewers,
    listTeams: viewers,
    updateTeam: admins,
    deleteTeam: admins,
    listTiers: viewers,
    createUser: admins,
    getUser: viewers,
    batchGetUsers: viewers,
    listUsers: viewers,
    updateUser: admins,
    deleteUser: admins,
    createPrincipal: admins,
    getPrincipal: viewers,
    batchGetPrincipals: viewers,
    listPrincipals: viewers,
    updatePrincipal: admins,
    deletePrincipal: admins,
    createApp: admins,
    getApp: viewers,
    batchGetApps: viewers,
    listApps: viewers,
    updateApp: admins,
    deleteApp: admins,
    createCustomer: admins,
    getCustomer: viewers,
    batchGetCustomers: viewers,
    listCustomers: viewers,
    updateCustomer: admins,
    deleteCustomer: admins,
  }),
  ...rightsOf(EnforcementService, {
    listEvents: viewers,
    countEvents: viewers,
    expireHolds: adminsOr('for all organizations'),
  }),
  ...rightsOf(AuditService, {
    listAuditEntries: viewersOr('for the platform'),
    getAuditEntry: viewersOr('for the platform'),
    exportAuditEntries: adminsOr('for the platform'),
    verifyAuditChain: viewersOr('for the platform'),
  }),
  ...rightsOf(HistoryService, {
    // Of the platform it says who changed what and why, which concerns no organization.
    listRevisions: { ...viewers, forPlatform: { roles: platform.roles, does: 'for the platform' } },
  }),
  ...rightsOf(OrganizationService, {
    createOrganization: platform,
    getOrganization: viewers,
    listOrganizations: viewers,
    updateOrganization: adminsOr('to create'),
  }),
  ...rightsOf(PolicyService, {
    updatePolicy: admins,
    getPolicy: viewers,
    listPolicies: viewers,
    listPolicyRevisions: viewers,
    updateLimit: admins,
    updateLimits: admins,
    revokeLimit: admins,
    revokeLimits: admins,
    listLimitRevisions: viewers,
    batchUpdatePolicies: admins,
    copyPolicy: admins,
    rollbackPolicy: admins,
    getPolicyDiff: viewers,
    getEffectivePolicy: viewers,
    listUserPolicies: viewers,
    deletePolicy: admins,
  }),
  ...rightsOf(RaiseService, {
    createRaise: admins,
    getRaise: viewers,
    listRaises: viewers,
    revokeRaise: admins,
  }),
  ...rightsOf(UserPolicyFormService, {
    getUserPolicyForm: viewers,
    listUserPolicyForms: viewers,
    updateUserPolicyForm: admins,
  }),
  ...rightsOf(UsageService, {
    getUsage: viewers,
    batchGetUsage: viewers,
    listLimitUsage: viewers,
    listTierUsage: viewers,
    listHolds: viewers,
    priceCall: viewers,
    exportUsage: viewers,
    adjustUsage: admins,
    resetUsage: admins,
    queryUsage: viewers,
  }),
]);

/** The methods that a role may call, and those of them that it may call only for an organization. */
export function methodsOf(role: Role): {
  readonly methods: string[];
  readonly onlyWithOrganization: string[];
} {
  const own = [...table].filter(([, { roles }]) => roles.includes(role));
  const confined = own.filter(([, { forPlatform }]) => forPlatform?.roles.includes(role) === false);
  return { methods: own.map(shortName), onlyWithOrganization: confined.map(shortName) };
}

/** `DirectoryService/CreateTeam` for a row. */
function shortName([name]: readonly [name: string, Right]): string {
  const [service = '', method = ''] = name.split('/');
  return `${service.slice(service.lastIndexOf('.') + 1)}/${method.charAt(0).toUpperCase()}${method.slice(1)}`;
}

/** Which roles may call a method. Fails for one that is not in the table, so that no server starts with it. */
export function rightOf(method: DescMethod): Right {
  const right = table.get(rowName(method));
  if (right === undefined) throw new Error(`the table of rights lacks ${rowName(method)}`);
  return right;
}
