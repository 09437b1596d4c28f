import type { NamedSubjects } from '../core/call.ts';
import { callableTargets } from '../core/callable-targets.ts';
import { byCodeUnit } from '../core/meter.ts';
import { pageOf, positionOf } from '../platform/paging.ts';
import type { Listed } from '../platform/paging.ts';
import { secretSha256 } from '../platform/secret.ts';
import type { CheckDependencies } from './check.ts';
import type { CallContext, ListTargetsInput, ListedTarget } from './data-plane.ts';
import { findScope, unknownEverywhere, viewOf } from './scope.ts';

/** Says for a path which targets may be called, and for the others why not. See `ListTargets`. */
export function createListTargets({ policies, clock }: Omit<CheckDependencies, 'ledger'>) {
  return async function listTargets(
    input: ListTargetsInput,
    context: CallContext,
  ): Promise<Listed<ListedTarget>> {
    const { page } = input;
    const scope = await findScope(policies, context.caller, input.orgId, input.credential);
    const list = listName(scope === unknownEverywhere ? '' : scope.orgId, input);
    const after = positionOf(page, list, ['text'])?.[0] ?? '';
    if (scope === unknownEverywhere) return { items: [], nextToken: undefined };
    const { subjects, served } = input;
    const request = { subjects, served, credential: scope.credential };
    const epoch = await policies.newestEpoch(scope.orgId);
    const view = await viewOf(policies, scope.orgId, request, epoch);
    const range = { after, most: page.size + 1 };
    const targets = callableTargets(view, request, clock.nowMs(), range);
    return pageOf(
      targets,
      page,
      list,
      ({ name }) => [name],
      ({ name, kind, reasons }) => ({ name, kind, allowed: reasons.length === 0, reasons }),
    );
  };
}

/** All that a page token is bound to. Maps have no order, and a secret is not kept. */
function listName(orgId: string, { subjects, served, credential }: ListTargetsInput): string {
  const labels = [...subjects.labels].toSorted(([a], [b]) => byCodeUnit(a, b));
  const { serviceTier = '', provider = '' } = served;
  const named = { ...subjects, teams: subjects.teams.toSorted(byCodeUnit), labels };
  const secret = credential === undefined ? '' : secretSha256(credential).toString('base64');
  return JSON.stringify(['targets', orgId, secret, serviceTier, provider, inOrder(named)]);
}

function inOrder(named: Readonly<Record<keyof NamedSubjects, unknown>>): unknown {
  return Object.entries(named).toSorted(([a], [b]) => byCodeUnit(a, b));
}
