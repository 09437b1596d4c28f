import type { Credential } from '../../core/directory.ts';
import type { Change, PolicyStore, Stored } from '../../policies/policy-store.ts';
import { conditionalUpdate } from './conditional-update.ts';

/** Which credential is revoked; an empty etag: whatever it is like now. */
export interface Revocation {
  readonly orgId: string;
  readonly kind: Credential['kind'];
  readonly id: string;
  readonly etag: string;
}

/**
 * Ends a credential for good. One that was revoked before is answered as it is. With a stale etag the store refuses in
 * both cases.
 */
export function revokeCredential(
  store: Pick<PolicyStore, 'get' | 'put'>,
  { orgId, kind, id, etag: named }: Revocation,
  by: Change,
): Promise<Stored<Credential>> {
  return conditionalUpdate({
    etag: named,
    read: () => store.get(orgId, kind, id),
    write: async (present, etag) => {
      if (present === undefined) throw new Error('a credential that was read is missing');
      const { record } = present;
      if (record.state !== 'REVOKED' || etag !== present.etag) {
        return store.put(orgId, kind, { ...record, state: 'REVOKED' }, { ...by, etag });
      }
      // Nothing is left to write; but the request id may be that of another change, which is a conflict.
      if (by.requestId !== undefined) {
        await store.put(orgId, kind, record, { ...by, etag, validateOnly: true });
      }
      return present;
    },
  });
}
