import type { Pool } from 'pg';
import { meterOf, parseMeterName } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { windows } from '../../core/policy.ts';
import { subjectKinds } from '../../core/subject.ts';
import { createReadUntil } from '../../db/read-until.ts';
import type { LimitCandidates } from '../../service/admin/limit-candidates.ts';
import { limitCandidates, subjectsWithLimits } from '../sql/limit-candidates.ts';

/** Meters of each source at most. */
const mostOfEach = 256;

/** Looks for limits in PostgreSQL. */
export function createPgLimitCandidates(parts: {
  readonly pool: Pool;
  readonly monotonicMs: () => number;
  readonly failure: (cause: unknown) => Error;
}): LimitCandidates {
  const readUntil = createReadUntil(parts.pool, parts.monotonicMs);
  return {
    async find({ orgId, startsMs, kinds, isAny }, limits) {
      try {
        return await readUntil(limits, async (client) => {
          const reached = await client.query<{ meter_id: string }>(limitCandidates.text, [
            orgId,
            windows,
            startsMs,
            kinds,
            mostOfEach,
          ]);
          const meters = reached.rows.flatMap(({ meter_id: name }) => parseMeterName(name) ?? []);
          if (!isAny) return meters;
          const own = await client.query<Record<'subject_kind' | 'subject_id', string>>(
            subjectsWithLimits.text,
            [orgId, kinds, mostOfEach],
          );
          return [...meters, ...own.rows.flatMap(ownMeter)];
        });
      } catch (cause) {
        throw parts.failure(cause);
      }
    },
  };
}

function ownMeter(row: Record<'subject_kind' | 'subject_id', string>): Meter[] {
  const kind = subjectKinds.find((known) => known === row.subject_kind);
  return kind === undefined ? [] : [meterOf({ kind, id: row.subject_id })];
}
