import type { Units } from '../../core/units.ts';

/** What usage is grouped and filtered by; of a label the values of one key. */
export type UsageDimension =
  | {
      readonly kind:
        | 'user'
        | 'team'
        | 'key'
        | 'app'
        | 'principal'
        | 'customer'
        | 'tier'
        | 'model'
        | 'provider'
        | 'service_tier';
    }
  | { readonly kind: 'label'; readonly labelKey: string };

/** Only calls that have one of the values. */
export interface UsageFilter {
  readonly dimension: UsageDimension;
  readonly values: readonly string[];
}

/** Which usage is summed, and how. */
export interface UsageQuery {
  readonly orgId: string;
  /** Where points begin and end, milliseconds since 1970, ascending: at least two. */
  readonly cutsMs: readonly number[];
  /** Hours are asked for: a day that is no longer known by its quarters is a fault, and not counted where it begins. */
  readonly needsQuarters: boolean;
  readonly groupBy: readonly UsageDimension[];
  readonly filters: readonly UsageFilter[];
  readonly rankBy: 'COST' | 'TOKENS' | 'INPUT_TOKENS' | 'OUTPUT_TOKENS' | 'REQUESTS';
  /** Groups that are answered at most. */
  readonly seriesCount: number;
  /** The units that are counted too. */
  readonly units: readonly string[];
}

/** What was used; may be negative, and past int64. */
export interface UsageSums {
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
  readonly requests: bigint;
  readonly units: Units;
}

/** The usage of one group. */
export interface UsageSeries {
  /** Empty: the calls that have none. */
  readonly group: readonly string[];
  readonly total: UsageSums;
  /** By the index of the instant in `cutsMs` that a point begins with; those with nothing are absent. */
  readonly points: ReadonlyMap<number, UsageSums>;
}

/** What a query answers. */
export interface UsageAnswer {
  readonly total: UsageSeries;
  readonly series: readonly UsageSeries[];
  /** What belongs to none of `series`; undefined where all groups are answered. */
  readonly rest: UsageSeries | undefined;
}

/** Until when somebody waits for an answer. */
export interface QueryLimits {
  /** An instant on the monotonic clock, milliseconds. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the caller has gone. */
  readonly cancelled: AbortSignal | undefined;
}

/** Sums of the usage ledger over time. */
export interface UsageQueries {
  /** All sums are exact and of one instant. FIELD_INVALID `start_time` where quarters are needed and no longer kept. */
  query(query: UsageQuery, limits: QueryLimits): Promise<UsageAnswer>;
}
