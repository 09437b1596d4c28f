import type { CallPath } from '../core/call.ts';
import { chargedMeters } from '../core/meters.ts';
import type { ClosePlanner } from '../ledger/ledger.ts';
import type { Policies, ViewNeed } from '../policies/policies.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { CallContext } from './data-plane.ts';
import { findScope, noSubjects, unknownEverywhere, viewOf } from './scope.ts';

/** The organization of a request about a call that is already known. */
export async function orgOf(
  policies: Policies,
  input: {
    readonly orgId: string | undefined;
    readonly credential: string | undefined;
    readonly requestId: string;
  },
  context: CallContext,
): Promise<string> {
  const scope = await findScope(policies, context.caller, input.orgId, input.credential);
  if (scope !== unknownEverywhere) return scope.orgId;
  throw new ServiceError('CALL_NOT_FOUND', 'credential: belongs to no organization', {
    metadata: { request_id: input.requestId },
  });
}

/** What a view must have loaded for a path that is already resolved. */
export function needOf(path: CallPath): ViewNeed {
  const [key, ...others] = path.keys;
  const presented = others[0] ?? path.token;
  return {
    subjects: {
      ...noSubjects,
      teams: path.ownTeams,
      user: path.user,
      tier: path.tier,
      key,
      principal: path.principal,
      app: path.app,
      customer: path.customer,
      labels: new Map(path.labels.map(splitLabel)),
    },
    credential:
      presented === undefined
        ? undefined
        : { kind: others[0] === undefined ? 'token' : 'key', id: presented },
  };
}

/** Plans the end of a hold without a report. */
export function closePlanner(policies: Policies): ClosePlanner {
  return async (stored, atLeastEpoch) => {
    const view = await viewOf(policies, stored.orgId, needOf(stored.path), atLeastEpoch);
    return {
      epoch: view.epoch,
      calendar: view.organization.calendar,
      meters: chargedMeters(view, stored.path, stored.target),
      onExpiry: view.organization.onExpiry,
    };
  };
}

function splitLabel(label: string): [string, string] {
  const at = label.indexOf('=');
  return [label.slice(0, at), label.slice(at + 1)];
}
