import { accessReasons } from './access.ts';
import { unknownEstimate } from './call.ts';
import type { CallRequest } from './call.ts';
import { byCodeUnit } from './meter.ts';
import type { OrganizationView } from './organization-view.ts';
import { resolvePath } from './path.ts';
import { bypassOf, modelReasons } from './plan-check.ts';
import { priceUsage } from './price.ts';
import type { Reason } from './reason.ts';
import { targetFacts } from './target.ts';

/** One target of the catalog, and why a path may not call it. */
export interface CallableTarget {
  readonly name: string;
  readonly kind: 'MODEL' | 'ROUTE_GROUP';
  /** In order of precedence; empty if it may be called. */
  readonly reasons: readonly Reason[];
}

/** A part of the catalog, by name. */
export interface TargetRange {
  /** Only names after this one. */
  readonly after: string;
  readonly most: number;
}

/**
 * Targets of the catalog, by name, with the reasons why the path may not call them: those of its
 * subjects and of the model rules, a missing price included; no counter is read.
 */
export function callableTargets(
  view: OrganizationView,
  request: Omit<CallRequest, 'target' | 'estimate'>,
  nowMs: number,
  { after, most }: TargetRange,
): CallableTarget[] {
  const { path, reasons, stop } = resolvePath(
    view,
    { ...request, target: '', estimate: unknownEstimate },
    nowMs,
  );
  const bypass = bypassOf(view, path, nowMs);
  const judge = (name: string): readonly Reason[] => {
    if (stop) return reasons;
    const target = targetFacts(view, name);
    const call = { path, target, served: request.served };
    const { unpriced } = priceUsage(view, call, unknownEstimate, view.priceEpochs, nowMs);
    const judged = { path, target, accessReasons: accessReasons(view, path, target) };
    return [...reasons, ...modelReasons(view, judged, bypass, unpriced)];
  };
  const named: Omit<CallableTarget, 'reasons'>[] = [];
  for (const { id } of view.models()) if (id > after) named.push({ name: id, kind: 'MODEL' });
  for (const { id } of view.routeGroups()) {
    if (id > after) named.push({ name: id, kind: 'ROUTE_GROUP' });
  }
  const range = named.toSorted((a, b) => byCodeUnit(a.name, b.name)).slice(0, most);
  return range.map((target) => ({ ...target, reasons: judge(target.name) }));
}
