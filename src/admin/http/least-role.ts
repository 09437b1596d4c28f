import type { Intent } from '../../service/admin/authorize.ts';

/** Only a platform administrator may call these at all. */
const operating = new Set(['CreateOrganization']);
const reading = /^(Get|BatchGet|List)[A-Z]/;

/**
 * The least that a caller of an RPC must be allowed to do, known from its name alone: what is not named as a Get,
 * a BatchGet or a List is a write, so that a new RPC is closed to viewers until it is named as a reading.
 */
export function leastIntentOf(rpc: string): Intent {
  if (operating.has(rpc)) return 'operate';
  return reading.test(rpc) ? 'read' : 'write';
}
