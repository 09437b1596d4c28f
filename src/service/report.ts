import type { CallRequest, Estimate } from '../core/call.ts';
import type { OrganizationView } from '../core/organization-view.ts';
import { resolvePath } from '../core/path.ts';
import { meteredLimits } from '../core/planned-limits.ts';
import { priceUsage } from '../core/price.ts';
import { targetFacts } from '../core/target.ts';
import { saturated } from '../core/totals.ts';
import type { PricedUsage, SettlePlan, StoredCall } from '../ledger/ledger.ts';
import { invalidFields } from '../platform/service-error.ts';
import type { CheckDependencies } from './check.ts';
import { requestContent } from './content.ts';
import type { CallContext, ReportInput, ReportOutput } from './data-plane.ts';
import { withinMeterBound } from './meter-bound.ts';
import { madeOfNewest } from './newest-view.ts';
import { findScope, unknownEverywhere, viewOf } from './scope.ts';
import type { Scope } from './scope.ts';
import { needOf } from './settlement.ts';

/**
 * Settles a hold with what was really used, or books a call that was never checked. See
 * `DecisionService.Report`.
 */
export function createReport({ policies, ledger }: CheckDependencies) {
  return async function report(input: ReportInput, context: CallContext): Promise<ReportOutput> {
    const { requestId } = input;
    const scope = await findScope(policies, context.caller, input.orgId, input.credential);
    if (scope === unknownEverywhere) throw unknownCredential();
    const { orgId } = scope;
    const answer = await ledger.report({
      orgId,
      requestId,
      content: reportContent(input),
      deadlineMs: context.deadlineMs,
      async plan(stored, nowMs, atLeastEpoch) {
        if (stored === undefined) {
          const request = postPaidRequest(input, scope);
          let view = await viewOf(policies, orgId, request, atLeastEpoch);
          if (isMismatch(view, request, nowMs)) {
            const viewAt = (epoch: number) => viewOf(policies, orgId, request, epoch);
            view = await madeOfNewest(policies, orgId, view, viewAt);
          }
          return withinMeterBound(planPostPaid(view, request, nowMs));
        }
        const view = await viewOf(policies, orgId, needOf(stored.path), atLeastEpoch);
        return planSettlement(view, stored, input);
      },
    });
    return { orgId, requestId, ...answer };
  };
}

function planSettlement(
  view: OrganizationView,
  stored: StoredCall,
  input: ReportInput,
): SettlePlan {
  const { path } = stored;
  const served =
    input.target === undefined || input.target === stored.target.name
      ? stored.target
      : targetFacts(view, input.target);
  const usage = floored(input, stored);
  const priced = priceUsage(view, path, served, usage, stored.epoch, stored.bookedAtMs);
  const { meters, limits } = meteredLimits(view, path, stored.target);
  return {
    epoch: view.epoch,
    path,
    calendar: view.organization.calendar,
    meters,
    limits,
    usage: pricedUsage(usage, priced, served),
  };
}

/** A stream that was cut has read its input: at least what was held of it is booked. */
function floored(input: ReportInput, stored: StoredCall): Estimate {
  const { usage } = input;
  const isFloored = input.partial && usage.input < stored.held.input;
  return isFloored ? { ...usage, input: stored.held.input } : usage;
}

function isMismatch(view: OrganizationView, request: CallRequest, nowMs: number): boolean {
  return resolvePath(view, request, nowMs).reasons.includes('SUBJECT_MISMATCH');
}

function planPostPaid(view: OrganizationView, request: CallRequest, nowMs: number): SettlePlan {
  const { path, reasons } = resolvePath(view, request, nowMs);
  if (reasons.includes('SUBJECT_MISMATCH')) {
    throw invalidFields([
      { field: 'subjects', description: 'contradict each other or the credential' },
    ]);
  }
  const target = targetFacts(view, request.target);
  const usage = request.estimate;
  const priced = priceUsage(view, path, target, usage, view.epoch, nowMs);
  const metered = meteredLimits(view, path, target);
  return {
    epoch: view.epoch,
    path: metered.path,
    calendar: view.organization.calendar,
    meters: metered.meters,
    limits: metered.limits,
    usage: pricedUsage(usage, priced, target),
  };
}

function postPaidRequest(input: ReportInput, scope: Scope): CallRequest {
  if (scope.credential === 'UNKNOWN') throw unknownCredential();
  if (input.target === undefined) {
    const description = 'expected the target that served: no call of this request_id is known';
    throw invalidFields([{ field: 'target', description }]);
  }
  const { subjects, target, usage } = input;
  return { subjects, credential: scope.credential, target, estimate: usage };
}

function pricedUsage(
  usage: Estimate,
  priced: Pick<PricedUsage, 'cost' | 'priceRevision' | 'unpriced'>,
  target: PricedUsage['target'],
): PricedUsage {
  return {
    cost: saturated(priced.cost),
    input: usage.input,
    output: usage.output ?? 0n,
    reasoningOutput: usage.reasoningOutput ?? 0n,
    cachedInput: usage.cachedInput,
    cacheWrite: usage.cacheWrite,
    target,
    priceRevision: priced.priceRevision,
    unpriced: priced.unpriced,
  };
}

function unknownCredential(): ReturnType<typeof invalidFields> {
  return invalidFields([{ field: 'credential', description: 'is not known' }]);
}

function reportContent(input: ReportInput): ReturnType<typeof requestContent> {
  return requestContent({
    subjects: input.subjects,
    credential: input.credential,
    target: input.target,
    numbers: { prefix: 'usage', estimate: input.usage },
    partial: input.partial,
  });
}
