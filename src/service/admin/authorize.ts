import { ServiceError } from '../../platform/service-error.ts';
import { mayActFor } from '../caller.ts';
import type { Caller } from '../caller.ts';

/** What a call does: it reads, it changes an organization, or it runs the installation itself. */
export type Intent = 'read' | 'write' | 'operate';

const intents: Readonly<Record<Caller['role'], readonly Intent[]>> = {
  platform_admin: ['read', 'write', 'operate'],
  org_admin: ['read', 'write'],
  org_viewer: ['read'],
  gateway: [],
};

/** Throws PERMISSION_DENIED `ROLE_FORBIDDEN` unless the caller's role allows the intent. */
export function requireRole({ role }: Caller, intent: Intent): void {
  if (intents[role].includes(intent)) return;
  throw new ServiceError('ROLE_FORBIDDEN', `not for the role ${role}`, { metadata: { role } });
}

/**
 * Throws PERMISSION_DENIED unless the caller may do this for the organization: `ROLE_FORBIDDEN` by its role,
 * `ORG_FORBIDDEN` if it administers others. Without an organization only the role is judged.
 */
export function authorize(caller: Caller, intent: Intent, orgId?: string): void {
  requireRole(caller, intent);
  if (orgId === undefined || mayActFor(caller, orgId)) return;
  const message = 'not an administrator of this organization';
  throw new ServiceError('ORG_FORBIDDEN', message);
}
