import type { Intent } from '../../service/admin/authorize.ts';

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
