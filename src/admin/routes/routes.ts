import type { ConnectRouter } from '@connectrpc/connect';
import { CallService } from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import { AccessService } from '../../../gen/tollgate/admin/v1/access_pb.ts';
import { AuditService } from '../../../gen/tollgate/admin/v1/audit_pb.ts';
import { CatalogService } from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../../gen/tollgate/admin/v1/directory_pb.ts';
import { EnforcementService } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { HistoryService } from '../../../gen/tollgate/admin/v1/history_pb.ts';
import { OrganizationService } from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import { PolicyService } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { RaiseService } from '../../../gen/tollgate/admin/v1/raises_pb.ts';
import { UserPolicyFormService } from '../../../gen/tollgate/admin/v1/user_policy_forms_pb.ts';
import { UsageService } from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import type { AuditTrail } from '../../audit/audit-trail.ts';
import type { Clock } from '../../platform/clock.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { ExpireHolds } from '../../service/admin/expire-holds.ts';
import type { AccountStore } from '../../service/admin/accounts.ts';
import { callRoutes } from './calls.ts';
import type { CallRouteParts } from './calls.ts';
import { accessRoutes } from './access.ts';
import { auditRoutes } from './audit.ts';
import { catalogRoutes } from './catalog.ts';
import { credentialRoutes } from './credentials.ts';
import { directoryRoutes } from './directory.ts';
import { enforcementRoutes } from './enforcement.ts';
import type { EventRouteParts } from './enforcement.ts';
import { historyRoutes } from './history.ts';
import { organizationRoutes } from './organizations.ts';
import { policyRoutes } from './policies.ts';
import type { PolicyReads } from './policies.ts';
import { raiseRoutes } from './raises.ts';
import { usageRoutes } from './usage.ts';
import type { UsageRouteParts } from './usage.ts';
import { userPolicyFormRoutes } from './user-policy-forms.ts';

/** What the admin calls work on. */
export interface AdminRouteParts {
  readonly store: PolicyStore;
  readonly accounts: AccountStore;
  readonly events: EventRouteParts;
  readonly calls: CallRouteParts;
  readonly clock: Clock;
  readonly usage: UsageRouteParts;
  readonly policyReads: PolicyReads;
  readonly expireHolds: ExpireHolds;
  readonly auditTrail: AuditTrail;
}

/** All services of the admin plane. */
export function adminRoutes(parts: AdminRouteParts): (router: ConnectRouter) => void {
  const { store, accounts, events, calls, clock, usage, expireHolds, auditTrail } = parts;
  return (router) => {
    router.service(AccessService, accessRoutes(accounts, clock));
    router.service(OrganizationService, organizationRoutes(store));
    router.service(DirectoryService, directoryRoutes(store));
    router.service(CredentialService, credentialRoutes(store));
    router.service(PolicyService, policyRoutes(store, parts.policyReads));
    router.service(UserPolicyFormService, userPolicyFormRoutes(store));
    router.service(RaiseService, raiseRoutes(store, clock));
    router.service(CatalogService, catalogRoutes(store, clock));
    router.service(UsageService, usageRoutes(usage));
    router.service(CallService, callRoutes(store, calls));
    router.service(AuditService, auditRoutes(store, auditTrail));
    router.service(HistoryService, historyRoutes(store));
    router.service(EnforcementService, enforcementRoutes(store, events, expireHolds));
  };
}
