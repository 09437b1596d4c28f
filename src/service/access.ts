import type { Caller } from './caller.ts';

/** The two planes: gateways call one, administrators the other. A secret opens only its own. */
export type Plane = 'data' | 'admin';

/**
 * Who may call at all.
 *
 * Promised: a secret or identity that was revoked stops working everywhere within ten seconds; one that
 * was created works at once; while the store is out of reach, callers seen in the last ten minutes
 * still pass, so that an organization's `on_store_failure` can decide.
 * Absent: whoever is not known, is revoked, or belongs to the other plane is `undefined`.
 * Fails with UNAVAILABLE when it cannot be told.
 */
export interface Access {
  /** The caller that a secret belongs to. */
  authenticate(secret: string, plane: Plane): Promise<Caller | undefined> | Caller | undefined;
  /** The caller of the name that a verified client certificate bears. */
  identify(name: string, plane: Plane): Promise<Caller | undefined> | Caller | undefined;
}
