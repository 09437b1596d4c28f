import { unknownEstimate } from '../../core/call.ts';
import type { NamedSubjects, TargetFacts } from '../../core/call.ts';
import { resolvePath } from '../../core/path.ts';
import type { ServedBy } from '../../core/served-by.ts';
import { targetFacts } from '../../core/target.ts';
import type { ChangedUsage, UsageAmounts } from '../../core/usage-change.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Policies } from '../../policies/policies.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import { viewOf } from '../scope.ts';

/** A credit or a charge as it is asked for. */
export type Adjustment = { readonly amounts: UsageAmounts } & (
  | { readonly callId: string }
  | {
      readonly callId: undefined;
      readonly subjects: NamedSubjects;
      /** Empty: none. */
      readonly target: string;
      readonly served: ServedBy;
      /** Undefined: now. */
      readonly bookAtMs: number | undefined;
    }
);

/**
 * Books a credit or a charge: on a call, or on the path of subjects as their Report would be. FIELD_INVALID where the
 * subjects contradict each other. See `PolicyStore.changeUsage`.
 */
export function createAdjustUsage(parts: {
  readonly store: Pick<PolicyStore, 'changeUsage'>;
  readonly policies: Policies;
  readonly clock: Clock;
}) {
  const { store, policies, clock } = parts;
  return async function adjustUsage(
    orgId: string,
    adjustment: Adjustment,
    by: Change,
  ): Promise<ChangedUsage> {
    const { amounts } = adjustment;
    if (adjustment.callId !== undefined) {
      const { callId } = adjustment;
      return store.changeUsage(orgId, { kind: 'ADJUST_CALL', callId, amounts }, by);
    }
    const { subjects, target: name, served, bookAtMs } = adjustment;
    const need = { subjects, credential: undefined };
    const view = await viewOf(policies, orgId, need, await policies.newestEpoch(orgId));
    const request = { ...need, target: name, served, estimate: unknownEstimate };
    const { path, reasons } = resolvePath(view, request, clock.nowMs());
    if (reasons.includes('SUBJECT_MISMATCH')) {
      throw invalidFields([{ field: 'subjects', description: 'contradict each other' }]);
    }
    const target = name === '' ? noTarget : targetFacts(view, name);
    const change = { kind: 'ADJUST_PATH', path, target, served, bookAtMs, amounts } as const;
    return store.changeUsage(orgId, change, by);
  };
}

const noTarget: TargetFacts = {
  name: '',
  kind: 'UNKNOWN',
  provider: undefined,
  groups: [],
  members: [],
};
