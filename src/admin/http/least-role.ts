import { ServiceError } from '../../platform/service-error.ts';
import type { Caller } from '../../service/caller.ts';

/** What a call wants to do: look, change, or run the installation itself. */
export type Intent = 'read' | 'write' | 'operate';

const intents: Readonly<Record<Caller['role'], readonly Intent[]>> = {
  platform_admin: ['read', 'write', 'operate'],
  org_admin: ['read', 'write'],
  org_viewer: ['read'],
  gateway: [],
};

/** Only a platform administrator may call these at all. */
const operating = new Set(['CreateOrganization']);
const reading = /^(Get|List)[A-Z]/;

/**
 * The least that a caller of an RPC must be allowed to do, known from its name alone: what is named as neither a
 * Get nor a List is a write, so that a new RPC is closed to viewers until it is named as a reading.
 */
export function leastIntentOf(rpc: string): Intent {
  if (operating.has(rpc)) return 'operate';
  return reading.test(rpc) ? 'read' : 'write';
}

/** Throws PERMISSION_DENIED `ROLE_FORBIDDEN` unless the caller's role allows the intent. */
export function requireRole({ role }: Caller, intent: Intent): void {
  if (intents[role].includes(intent)) return;
  throw new ServiceError('PERMISSION_DENIED', 'ROLE_FORBIDDEN', `not for the role ${role}`);
}
