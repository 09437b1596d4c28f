import type { Raise } from '../../core/raise.ts';
import type { Subject, SubjectKind } from '../../core/subject.ts';
import type { RaiseChange, StoredRaise } from '../stored-raise.ts';
import type { Doc } from './documents.ts';

/** A row of `limit_raise`. */
export interface RaiseRow {
  readonly id: string;
  readonly subject_kind: SubjectKind;
  readonly subject_id: string;
  readonly limit_name: string;
  readonly owner_kind: SubjectKind;
  readonly owner_id: string;
  readonly for_all: boolean;
  readonly metric: Raise['metric'];
  readonly time_window: Raise['window'] | null;
  readonly kind: Raise['kind'];
  readonly amount: string;
  readonly until_ms: string;
  readonly reason: string;
  readonly actor: string;
  readonly epoch: string;
  readonly created_at: Date;
  readonly revoked_reason: string | null;
  readonly revoked_by: string | null;
  readonly revoked_at: Date | null;
}

/** The columns of a `RaiseRow`. */
export const raiseColumns =
  'id, subject_kind, subject_id, limit_name, owner_kind, owner_id, for_all, metric, time_window, kind, amount, ' +
  'until_ms, reason, actor, epoch, created_at, revoked_reason, revoked_by, revoked_at';

/** Reads a row. */
export function storedRaise(row: RaiseRow): StoredRaise {
  const owner: Subject = { kind: row.owner_kind, id: row.owner_id };
  return {
    raise: {
      id: row.id,
      subject: { kind: row.subject_kind, id: row.subject_id },
      limitName: row.limit_name,
      metric: row.metric,
      window: row.time_window ?? undefined,
      appliesTo: row.for_all ? undefined : owner,
      kind: row.kind,
      amount: BigInt(row.amount),
      untilMs: Number(row.until_ms),
    },
    reason: row.reason,
    actor: row.actor,
    createdAtMs: row.created_at.getTime(),
    revokedReason: row.revoked_reason ?? undefined,
    revokedBy: row.revoked_by ?? undefined,
    revokedAtMs: row.revoked_at?.getTime(),
  };
}

/** A raise of row `w` of `limit_raise` as views load it, in the form that `decodeRaise` reads. */
export const raiseDocument = `jsonb_strip_nulls(jsonb_build_object('id', w.id,
  'subject', jsonb_build_object('kind', w.subject_kind, 'id', w.subject_id), 'limitName', w.limit_name,
  'metric', w.metric, 'window', w.time_window,
  'appliesTo', CASE WHEN NOT w.for_all THEN jsonb_build_object('kind', w.owner_kind, 'id', w.owner_id) END,
  'kind', w.kind, 'amount', w.amount::text, 'untilMs', w.until_ms))`;

/** A raise as JSON has it: what is undefined is absent. */
export type RaiseDoc = Omit<Doc<Raise>, 'window' | 'appliesTo'> &
  Partial<Pick<Doc<Raise>, 'window' | 'appliesTo'>>;

/** Reads a raise from its document. */
export function decodeRaise({ window, appliesTo, ...doc }: RaiseDoc): Raise {
  return { ...doc, window, appliesTo, amount: BigInt(doc.amount) };
}

/** Reads back a change that was kept for repeats. */
export function decodeRaiseChange({ stored, amounts }: Doc<RaiseChange>): RaiseChange {
  return {
    stored: { ...stored, raise: decodeRaise(stored.raise) },
    amounts: amounts && { before: BigInt(amounts.before), after: BigInt(amounts.after) },
  };
}
