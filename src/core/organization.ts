import type { Calendar } from './window.ts';

/** An organization's settings, as they decide. */
export interface Organization {
  readonly id: string;
  readonly displayName: string;
  /** Who answers for it, for people. */
  readonly owner?: string | undefined;
  readonly state: 'ACTIVE' | 'SUSPENDED';
  readonly calendar: Calendar;
  /** Undefined: DENY once the organization has an allow list, else ALLOW. */
  readonly unknownModels: 'ALLOW' | 'DENY' | undefined;
  /** Whether it inherits the platform's models, groups, route groups and prices. */
  readonly catalog: 'INHERIT' | 'OWN';
  readonly unknownSubjects: 'ALLOW' | 'DENY';
  readonly unpriced: 'DENY' | 'ZERO';
  readonly onExpiry: 'RELEASE' | 'CHARGE';
  /** What is booked where a Report says that the usage is not known: the hold, or its input alone. */
  readonly onUnknownUsage: 'HELD' | 'INPUT';
  readonly onStoreFailure: 'DENY' | 'ALLOW';
  readonly storeContent: 'NONE' | 'METADATA' | 'FULL';
  /** Tokens; 0 means unknown. */
  readonly defaultOutputTokens: bigint;
}
