import { v7 as uuidv7 } from 'uuid';
import type { CallRequest } from '../core/call.ts';
import { conclude } from '../core/conclude.ts';
import type { OrganizationView } from '../core/organization-view.ts';
import type { Outcome } from '../core/outcome.ts';
import { planCheck } from '../core/plan-check.ts';
import type { CheckPlan } from '../core/plan.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../platform/clock.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Policies } from '../policies/policies.ts';
import { requestContent } from './content.ts';
import type { CallContext, CheckInput, CheckOutput } from './data-plane.ts';
import { isWithinMeterBound, withinMeterBound } from './meter-bound.ts';
import { madeOfNewest } from './newest-view.ts';
import { findScope, unknownEverywhere, viewOf } from './scope.ts';
import { emptyTotals, unknownCredential } from './undecided.ts';

/** How long a hold lives when the call does not say: ten minutes. */
export const defaultTtlMs = 600_000;

/** What Check needs. */
export interface CheckDependencies {
  readonly policies: Policies;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Counts an answer that was given without the ledger. */
  onDegraded?(): void;
}

/**
 * Decides a call before it is forwarded, and holds what it may cost. See `DecisionService.Check`.
 * Fails as findScope, viewOf and the ledger do; a denial is an output.
 */
export function createCheck(dependencies: CheckDependencies) {
  const { policies, ledger, clock } = dependencies;
  return async function check(input: CheckInput, context: CallContext): Promise<CheckOutput> {
    const requestId = input.requestId ?? uuidv7();
    const scope = await findScope(policies, context.caller, input.orgId, input.credential);
    if (scope === unknownEverywhere) {
      const outcome = unknownCredential(clock.nowMs());
      return {
        orgId: '',
        requestId,
        outcome,
        replayed: false,
        degraded: false,
        holdState: undefined,
      };
    }
    const { orgId, credential } = scope;
    const { subjects, target, served, estimate, settleNow } = input;
    const request: CallRequest = { subjects, credential, target, served, estimate, settleNow };
    const planAt = (atLeastEpoch: number, nowMs: number) =>
      planAgain(viewOf(policies, orgId, request, atLeastEpoch), request, nowMs);
    let view = viewOf(policies, orgId, request);
    if (view instanceof Promise) view = await view;
    let first = planCheck(view, request, clock.nowMs());
    const answer = { orgId, requestId, replayed: false, degraded: false, holdState: undefined };
    try {
      if (isUnknown(first) || !isWithinMeterBound(first)) {
        first = withinMeterBound(
          await madeOfNewest(policies, orgId, first, (epoch) => planAt(epoch, clock.nowMs())),
        );
      }
      // Unknown secrets and keys write nothing: a flood of them must not fill the ledger.
      if (isUnknown(first)) return { ...answer, outcome: withoutLedger(first, clock.nowMs()) };
      const decided = await ledger.check({
        orgId,
        requestId,
        content: checkContent(input),
        ttlMs: input.ttlMs ?? defaultTtlMs,
        deadlineMs: context.deadlineMs,
        plan: (atLeastEpoch, nowMs) =>
          atLeastEpoch <= first.epoch && first.fromMs <= nowMs && nowMs < first.untilMs
            ? first
            : planAt(atLeastEpoch, nowMs),
      });
      return { ...answer, ...decided };
    } catch (cause) {
      if (!isStoreFailure(cause) || view.organization.onStoreFailure !== 'ALLOW') throw cause;
      dependencies.onDegraded?.();
      return { ...answer, outcome: withoutLedger(first, clock.nowMs()), degraded: true };
    }
  };
}

/** A denial that the ledger neither records nor validates. */
function isUnknown(plan: CheckPlan): boolean {
  return plan.reasons[0] === 'CREDENTIAL_UNKNOWN';
}

function planAgain(
  view: OrganizationView | Promise<OrganizationView>,
  request: CallRequest,
  nowMs: number,
): CheckPlan | Promise<CheckPlan> {
  if (view instanceof Promise)
    return view.then((found) => withinMeterBound(planCheck(found, request, nowMs)));
  return withinMeterBound(planCheck(view, request, nowMs));
}

/** What the policies alone say: refused for a reason of theirs, or allowed with nothing held. */
function withoutLedger(plan: CheckPlan, nowMs: number): Outcome {
  const outcome = conclude({ ...plan, limits: [] }, () => emptyTotals, nowMs, undefined);
  return { ...outcome, heldCost: 0n, heldInput: 0n, heldOutput: 0n };
}

/** Only a store that is away opens an organization's calls; no fault of ours, nor a busy or stopping server. */
function isStoreFailure(cause: unknown): boolean {
  return cause instanceof ServiceError && cause.reason === 'STORE_UNAVAILABLE';
}

function checkContent(input: CheckInput): ReturnType<typeof requestContent> {
  return requestContent({
    subjects: input.subjects,
    credential: input.credential,
    target: input.target,
    served: input.served,
    numbers: { prefix: 'estimate', estimate: input.estimate },
    ttlMs: input.ttlMs,
    parentRequestId: input.parentRequestId,
    settleNow: input.settleNow,
  });
}
