import type { QueryLimits, UsageFilter } from './usage-queries.ts';

/** Which rows of the usage ledger are exported. */
export interface UsageExport {
  readonly orgId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly filters: readonly UsageFilter[];
}

/** One row of the usage ledger. */
export interface ExportedUsage {
  readonly id: string;
  readonly bookedAtMs: number;
  readonly recordedAtMs: number;
  readonly kind: string;
  readonly requestId: string;
  /** The names of its base meters. */
  readonly subjects: readonly string[];
  readonly model: string;
  readonly provider: string;
  readonly serviceTier: string;
  /** Nano-USD. */
  readonly cost: bigint;
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly cacheWrite1h: bigint;
  readonly output: bigint;
  readonly reasoningOutput: bigint;
  readonly requests: bigint;
  readonly units: readonly (readonly [name: string, count: string])[];
  readonly priceRevision: string;
  readonly flags: readonly string[];
}

/** Where an export goes on: behind this row. */
export interface ExportPosition {
  readonly bookedAtMs: number;
  readonly id: string;
}

/** Some rows of an export. */
export interface ExportPage {
  readonly rows: readonly ExportedUsage[];
  /** Undefined: nothing is left. */
  readonly next: ExportPosition | undefined;
}

/** The rows of the usage ledger, in the order in which they were booked. */
export interface UsageExports {
  /** At most `most` rows; with filters a bounded number is looked through, so there may be none, and more later. */
  read(
    of: UsageExport,
    after: ExportPosition | undefined,
    most: number,
    limits: QueryLimits,
  ): Promise<ExportPage>;
}
