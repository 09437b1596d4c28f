import type { Subject } from './subject.ts';

/** What a limit counts. COST is in nano-USD (1e-9 USD); token metrics in tokens; the others in calls. */
export const metrics = [
  'CONCURRENCY',
  'REQUESTS',
  'TOKENS',
  'INPUT_TOKENS',
  'OUTPUT_TOKENS',
  'COST',
] as const;
export type Metric = (typeof metrics)[number];

/** The windows of every meter, shortest first. */
export const windows = [
  'TEN_SECONDS',
  'MINUTE',
  'HOUR',
  'DAY',
  'WEEK',
  'MONTH',
  'LIFETIME',
] as const;
export type Window = (typeof windows)[number];

/** What an exceeded limit does: deny, warn, or only record what it would have done. */
export const actions = ['BLOCK', 'WARN', 'DRY_RUN'] as const;
export type Action = (typeof actions)[number];

/** Whom a limit is for: the declaring subject itself, each member of a team, or each subject of a kind below. */
export type LimitFor =
  | {
      readonly kind: 'SELF' | 'MEMBER' | 'USER' | 'KEY' | 'CUSTOMER' | 'PRINCIPAL' | 'APP' | 'TEAM';
    }
  | { readonly kind: 'LABEL'; readonly key: string };

/** One limit of a policy. */
export interface Limit {
  /** Unique inside the policy; 1 to 200 characters. */
  readonly name: string;
  readonly metric: Metric;
  /** Undefined for CONCURRENCY, which has no window. */
  readonly window: Window | undefined;
  /** In the metric's unit, 0 to 2^63-1; undefined is unlimited. */
  readonly amount: bigint | undefined;
  readonly action: Action;
  /** Percentages of the amount, 1 to 100, ascending. */
  readonly thresholds: readonly number[];
  readonly for: LimitFor;
  /** Model names, route groups, `group:<g>` or patterns with `*`, sorted; empty is every target. */
  readonly targets: readonly string[];
  readonly enabled: boolean;
}

/** Which targets may be called. An empty `allow` counts as unset. */
export interface Access {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly maxTier: number | undefined;
  readonly mode: 'NARROW' | 'REPLACE';
}

/** What is lifted for a user, principal or key; `untilMs` itself is past. */
export interface Bypass {
  readonly cost: boolean;
  readonly rate: boolean;
  readonly tokens: boolean;
  readonly models: boolean;
  readonly untilMs: number | undefined;
}

/** The newest revision of what is declared on one subject. */
export interface Policy {
  readonly subject: Subject;
  readonly revision: number;
  readonly limits: readonly Limit[];
  readonly access: Access | undefined;
  readonly bypass: Bypass | undefined;
  readonly notes: string;
}
