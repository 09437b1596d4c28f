import type { CallRequest, Estimate, TargetFacts } from '../core/call.ts';
import type { OrganizationView } from '../core/organization-view.ts';
import { resolvePath } from '../core/path.ts';
import { bypassOf } from '../core/plan-check.ts';
import { meteredLimits } from '../core/planned-limits.ts';
import { priceUsage } from '../core/price.ts';
import type { PricedCall } from '../core/price.ts';
import { servedBy, servedInTheEnd } from '../core/served-by.ts';
import { targetFacts } from '../core/target.ts';
import { saturated } from '../core/totals.ts';
import { assumedUsage, nothingAssumed } from '../core/unknown-usage.ts';
import type { AssumedUsage } from '../core/unknown-usage.ts';
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
          if (input.usageUnknown) throw nothingHeld();
          const request = postPaidRequest(input, scope);
          let view = await viewOf(policies, orgId, request, atLeastEpoch);
          if (isMismatch(view, request, nowMs)) {
            const viewAt = (epoch: number) => viewOf(policies, orgId, request, epoch);
            view = await madeOfNewest(policies, orgId, view, viewAt);
          }
          const isUnattributed = namesNobody(input);
          return withinMeterBound({ ...planPostPaid(view, request, nowMs), isUnattributed });
        }
        const view = await viewOf(policies, orgId, needOf(stored.path), atLeastEpoch);
        return planSettlement(view, stored, input, nowMs);
      },
    });
    return { orgId, requestId, ...answer };
  };
}

function planSettlement(
  view: OrganizationView,
  stored: StoredCall,
  input: ReportInput,
  nowMs: number,
): SettlePlan {
  const { path } = stored;
  const call = servedCall(view, stored, input);
  const { requests } = stored.estimate;
  const { usage, priced } = input.usageUnknown
    ? assumed(view, stored, call)
    : reported(view, stored, { ...floored(input, stored), requests }, call);
  const { meters, limitsAt } = meteredLimits(view, path, stored.target);
  return {
    ...limitsAt(nowMs),
    epoch: view.epoch,
    priceEpochs: stored.priceEpochs,
    path,
    calendar: view.organization.calendar,
    meters,
    bypass: bypassOf(view, path, nowMs),
    usage: pricedUsage(usage, priced, call),
    requests,
    isAssumed: input.usageUnknown,
    isUnattributed: false,
  };
}

/** Usage as it was reported, priced as of the Check. */
function reported(
  view: OrganizationView,
  stored: StoredCall,
  usage: Estimate,
  call: PricedCall,
): AssumedUsage {
  return { usage, priced: priceUsage(view, call, usage, stored.priceEpochs, stored.bookedAtMs) };
}

/** What is booked of a hold whose usage nobody knows; of a call that was denied nothing was held. */
function assumed(view: OrganizationView, stored: StoredCall, call: PricedCall): AssumedUsage {
  if (stored.state === 'DENIED') return nothingAssumed;
  return assumedUsage(view, stored, view.organization.onUnknownUsage, call);
}

/**
 * The call as it was served in the end. What the catalog said of the Check's target, and of its members, is kept with
 * the call; of any other target it is what the catalog says now.
 */
function servedCall(view: OrganizationView, stored: StoredCall, input: ReportInput): PricedCall {
  const { path, target: checked } = stored;
  const isSame = input.target === undefined || input.target === checked.name;
  return {
    path,
    target: isSame ? checked : servedTarget(view, checked, input.target),
    served: servedInTheEnd(stored.served, input.served, isSame),
  };
}

function servedTarget(view: OrganizationView, checked: TargetFacts, name: string): TargetFacts {
  const member = checked.members.find((one) => one.name === name);
  return member === undefined ? targetFacts(view, name) : { ...member, kind: 'MODEL', members: [] };
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

/** Whether a post-paid call says nothing of whom it is for. */
function namesNobody({ subjects, credential }: ReportInput): boolean {
  const { teams, labels, ...single } = subjects;
  return (
    credential === undefined &&
    teams.length === 0 &&
    labels.size === 0 &&
    Object.values(single).every((id) => id === undefined)
  );
}

function planPostPaid(
  view: OrganizationView,
  request: CallRequest,
  nowMs: number,
): Omit<SettlePlan, 'isUnattributed'> {
  const { path, reasons } = resolvePath(view, request, nowMs);
  if (reasons.includes('SUBJECT_MISMATCH')) {
    throw invalidFields([
      { field: 'subjects', description: 'contradict each other or the credential' },
    ]);
  }
  const target = targetFacts(view, request.target);
  const usage = request.estimate;
  const call = { path, target, served: request.served };
  const priced = priceUsage(view, call, usage, view.priceEpochs, nowMs);
  const metered = meteredLimits(view, path, target);
  return {
    ...metered.limitsAt(nowMs),
    epoch: view.epoch,
    priceEpochs: view.priceEpochs,
    path: metered.path,
    calendar: view.organization.calendar,
    meters: metered.meters,
    bypass: bypassOf(view, path, nowMs),
    usage: pricedUsage(usage, priced, call),
    requests: usage.requests,
    isAssumed: false,
  };
}

function postPaidRequest(input: ReportInput, scope: Scope): CallRequest {
  if (scope.credential === 'UNKNOWN') throw unknownCredential();
  if (input.target === undefined) {
    const description = 'expected the target that served: no call of this request_id is known';
    throw invalidFields([{ field: 'target', description }]);
  }
  const { subjects, target, served, usage } = input;
  return { subjects, credential: scope.credential, target, served, estimate: usage };
}

function pricedUsage(
  usage: Estimate,
  priced: Pick<PricedUsage, 'cost' | 'priceRevision' | 'unpriced'>,
  { target, served }: Pick<PricedCall, 'target' | 'served'>,
): PricedUsage {
  return {
    cost: saturated(priced.cost),
    input: usage.input,
    output: usage.output ?? 0n,
    reasoningOutput: usage.reasoningOutput ?? 0n,
    cachedInput: usage.cachedInput,
    cacheWrite: usage.cacheWrite,
    cacheWrite1h: usage.cacheWrite1h,
    units: usage.units,
    target,
    served: servedBy(served.provider ?? target.provider, served.serviceTier),
    priceRevision: priced.priceRevision,
    unpriced: priced.unpriced,
  };
}

function nothingHeld(): ReturnType<typeof invalidFields> {
  const description = 'must be false: no call of this request_id is known, so nothing is held';
  return invalidFields([{ field: 'usage_unknown', description }]);
}

function unknownCredential(): ReturnType<typeof invalidFields> {
  return invalidFields([{ field: 'credential', description: 'is not known' }]);
}

function reportContent(input: ReportInput): ReturnType<typeof requestContent> {
  return requestContent({
    subjects: input.subjects,
    credential: input.credential,
    target: input.target,
    served: input.served,
    numbers: { prefix: 'usage', estimate: input.usage },
    partial: input.partial,
    usageUnknown: input.usageUnknown,
  });
}
