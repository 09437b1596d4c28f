import type { Pool } from 'pg';
import { createReadUntil } from '../../db/read-until.ts';
import type {
  ExportedUsage,
  ExportPosition,
  UsageExport,
  UsageExports,
} from '../../service/admin/usage-export.ts';
import { exportUsage, lastExported } from '../sql/export-usage.ts';
import type { ExportRow } from '../sql/export-usage.ts';
import { isOfTarget, namesOf } from '../sql/usage-source.ts';

/** Rows that are looked through for a page that is filtered. */
const mostScanned = 10_000;
const noId = '00000000-0000-0000-0000-000000000000';
const dayMs = 86_400_000;

/** Exports usage from PostgreSQL. */
export function createPgUsageExports(parts: {
  readonly pool: Pool;
  readonly monotonicMs: () => number;
  readonly failure: (cause: unknown) => Error;
}): UsageExports {
  const readUntil = createReadUntil(parts.pool, parts.monotonicMs);
  return {
    async read(of, after, most, limits) {
      const scans = of.filters.length === 0 ? most : mostScanned;
      const span = spanOf(of, after, scans);
      try {
        return await readUntil(limits, async (client) => {
          const filters = [subjectsOf(of), ...targetsOf(of)];
          const values = [...span, most, ...filters];
          const { rows } = await client.query<ExportRow>(exportUsage.text, values);
          const found = rows.map(exported);
          if (rows.length === most) return { rows: found, next: found.at(-1) };
          const { rows: ends } = await client.query<{
            rows: number;
            booked_at: string;
            id: string;
          }>(lastExported.text, span);
          const [end] = ends;
          if (end === undefined || end.rows < scans) return { rows: found, next: undefined };
          return { rows: found, next: { bookedAtMs: Number(end.booked_at), id: end.id } };
        });
      } catch (cause) {
        throw parts.failure(cause);
      }
    },
  };
}

/** Parameters 1 to 7. A row is recorded after it was booked, but for a clock that was set back a little in between. */
function spanOf(
  { orgId, fromMs, toMs }: UsageExport,
  after: ExportPosition | undefined,
  scans: number,
): unknown[] {
  const position = [after?.bookedAtMs ?? fromMs - 1, after?.id ?? noId];
  return [orgId, fromMs, toMs, new Date(fromMs - dayMs).toISOString(), ...position, scans];
}

/** No name of a subject has a space. */
function subjectsOf({ filters }: UsageExport): string[] {
  return filters
    .filter(({ dimension }) => !isOfTarget(dimension))
    .map((filter) => namesOf(filter).join(' '));
}

function targetsOf({ filters }: UsageExport): (readonly string[] | null)[] {
  return ['model', 'provider', 'service_tier'].map(
    (kind) => filters.find(({ dimension }) => dimension.kind === kind)?.values ?? null,
  );
}

function exported(row: ExportRow): ExportedUsage {
  const units = JSON.parse(row.units ?? '{}', (_, value, context?: { readonly source?: string }) =>
    typeof value === 'number' ? (context?.source ?? String(value)) : (value as unknown),
  ) as Record<string, string>;
  const flags = {
    over_hold: row.over_hold,
    late: row.late,
    unpriced: row.unpriced,
    assumed: row.assumed,
  };
  return {
    id: row.id,
    bookedAtMs: Number(row.booked_at),
    recordedAtMs: Number(row.recorded_at),
    kind: row.kind,
    requestId: row.request_id,
    subjects: row.subjects,
    model: row.model,
    provider: row.provider,
    serviceTier: row.service_tier,
    cost: BigInt(row.cost),
    input: BigInt(row.input),
    cachedInput: BigInt(row.cached_input),
    cacheWrite: BigInt(row.cache_write),
    cacheWrite1h: BigInt(row.cache_write_1h),
    output: BigInt(row.output),
    reasoningOutput: BigInt(row.reasoning_output),
    requests: BigInt(row.requests),
    units: Object.entries(units),
    priceRevision: row.price_revision,
    flags: Object.entries(flags).flatMap(([name, is]) => (is ? [name] : [])),
  };
}
