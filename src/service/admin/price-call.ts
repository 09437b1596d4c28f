import { unknownEstimate } from '../../core/call.ts';
import type { Estimate, NamedSubjects } from '../../core/call.ts';
import { costOf } from '../../core/cost.ts';
import { costParts } from '../../core/cost-parts.ts';
import type { CostPart } from '../../core/cost-parts.ts';
import type { OrganizationView } from '../../core/organization-view.ts';
import { resolvePath } from '../../core/path.ts';
import { priceFor, priceUsage } from '../../core/price.ts';
import type { PricedCall, PricedCost } from '../../core/price.ts';
import type { ServedBy } from '../../core/served-by.ts';
import { targetFacts } from '../../core/target.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Policies } from '../../policies/policies.ts';
import { viewOf } from '../scope.ts';

/** A call whose price is asked for. */
export interface CallToPrice {
  readonly orgId: string;
  readonly subjects: NamedSubjects;
  readonly target: string;
  readonly served: ServedBy;
  readonly usage: Estimate;
  /** Undefined: now. */
  readonly atMs: number | undefined;
}

/** What a call costs, and how that comes. */
export interface PricedParts {
  readonly priced: PricedCost;
  /** Of a route group the member that is the dearest. Undefined: unpriced. */
  readonly model: string | undefined;
  readonly parts: readonly CostPart[];
  /** The rates are those for an input above so many tokens. */
  readonly aboveInputTokens: bigint;
}

/**
 * Prices a call as a Report of it would be, by the prices that are in force at an instant, and books nothing. A caller's own
 * cost is not asked for: it replaces all of this. NOT_FOUND if the organization is unknown.
 */
export function createPriceCall(parts: { readonly policies: Policies; readonly clock: Clock }) {
  return async function priceCall(call: CallToPrice): Promise<PricedParts> {
    const { policies, clock } = parts;
    const { orgId, subjects, target, served, usage } = call;
    const need = { subjects, credential: undefined };
    const view = await viewOf(policies, orgId, need, await policies.newestEpoch(orgId));
    const nowMs = clock.nowMs();
    const request = { ...need, target, served, estimate: unknownEstimate };
    const { path } = resolvePath(view, request, nowMs);
    const priced = { path, target: targetFacts(view, target), served };
    return partsOf(view, priced, usage, call.atMs ?? nowMs);
  };
}

function partsOf(
  view: OrganizationView,
  call: PricedCall,
  usage: Estimate,
  atMs: number,
): PricedParts {
  const priced = priceUsage(view, call, usage, view.priceEpochs, atMs);
  const { path, target, served } = call;
  const models = target.kind === 'ROUTE_GROUP' ? target.members : [target];
  for (const { name: model, provider: cataloged } of models) {
    const provider = served.provider ?? cataloged;
    const of = { keys: path.keys, provider, model, serviceTier: served.serviceTier };
    const found = priceFor(view, of, view.priceEpochs, atMs);
    if (found === undefined || priced.priceRevision === undefined) break;
    const { price } = found;
    if (costOf(price, usage) !== priced.cost) continue;
    const steps = price.rates.map(({ aboveInputTokens }) => aboveInputTokens);
    const aboveInputTokens = steps.findLast((above) => usage.input > above) ?? 0n;
    return { priced, model, parts: costParts(price, usage), aboveInputTokens };
  }
  return { priced, model: undefined, parts: [], aboveInputTokens: 0n };
}
