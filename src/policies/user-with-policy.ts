import type { User } from '../core/directory.ts';
import type { PolicyRevision } from './policy-changes.ts';

/** A user, and what is declared on it. */
export interface UserWithPolicy {
  readonly id: string;
  /** Undefined: not registered. */
  readonly user: User | undefined;
  /** Undefined: there is none. */
  readonly policy: PolicyRevision | undefined;
}
