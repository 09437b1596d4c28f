import { isLifted } from '../../core/lifted.ts';
import type { ConsideredLimit } from '../../core/outcome.ts';
import type { OrganizationView } from '../../core/organization-view.ts';
import { pathSubjects, resolvePath } from '../../core/path.ts';
import { bypassOf } from '../../core/plan-check.ts';
import { raisedStanding } from '../../core/raised-standing.ts';
import type { Reason } from '../../core/reason.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { traceAccess, traceBypass } from '../../core/trace-access.ts';
import type { TracedAccess, TracedBypass } from '../../core/trace-access.ts';
import { traceLimits } from '../../core/trace-limits.ts';
import type { TracedLimit } from '../../core/trace-limits.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../platform/clock.ts';
import { ServiceError } from '../../platform/service-error.ts';
import type { Policies } from '../../policies/policies.ts';
import { viewOf } from '../scope.ts';
import { callOfSubject } from './call-of-subject.ts';
import type { QueryLimits } from './usage-queries.ts';

/** A limit that holds, and how it stands. */
export interface StandingLimit extends TracedLimit {
  /** Undefined: it is unlimited. */
  readonly standing: ConsideredLimit | undefined;
  readonly bypassed: boolean;
}

/** What holds for one subject. */
export interface EffectivePolicy {
  readonly subject: Subject;
  /** The subjects of its path, nearest first; revision 0: nothing is declared. */
  readonly sources: readonly { readonly subject: Subject; readonly revision: number }[];
  readonly limits: readonly StandingLimit[];
  readonly access: readonly TracedAccess[];
  readonly bypasses: readonly TracedBypass[];
  readonly reasons: readonly Reason[];
  readonly nowMs: number;
}

/** What an effective policy is read from. */
interface Parts {
  readonly policies: Policies;
  readonly ledger: Pick<Ledger, 'meters'>;
  readonly clock: Clock;
}

/** Says what holds for a subject, from where, and how it stands. */
export function createGetEffectivePolicy({ policies, ledger, clock }: Parts) {
  return async function getEffectivePolicy(
    orgId: string,
    subject: Subject,
    until: QueryLimits,
  ): Promise<EffectivePolicy> {
    const call = callOfSubject(subject);
    const view = await viewOf(policies, orgId, call, await policies.newestEpoch(orgId));
    requireRegistered(view, subject);
    const nowMs = clock.nowMs();
    const { path, reasons } = resolvePath(view, call, nowMs);
    const traced = traceLimits(view, path);
    const meters = [...new Map(traced.map(({ meter }) => [meter.name, meter])).values()];
    const { calendar } = view.organization;
    const totals = await ledger.meters(orgId, calendar, meters, nowMs, until);
    const totalsOf = new Map(meters.map(({ name }, index) => [name, totals[index]]));
    const bypass = bypassOf(view, path, nowMs);
    const standingOf = (found: TracedLimit): ConsideredLimit | undefined => {
      const { amount } = found.limit;
      const totalsNow = totalsOf.get(found.meter.name);
      if (amount === undefined || totalsNow === undefined) return undefined;
      const effective = { ...found, limit: { ...found.limit, amount } };
      return raisedStanding(view, effective, totalsNow, nowMs).limit;
    };
    return {
      subject,
      sources: pathSubjects(path).map((one) => ({
        subject: one,
        revision: view.policy(one)?.revision ?? 0,
      })),
      limits: traced.map((found) => ({
        ...found,
        standing: standingOf(found),
        bypassed: found.limit.action === 'BLOCK' && isLifted(found.limit, bypass),
      })),
      access: traceAccess(view, path),
      bypasses: traceBypass(view, path, nowMs),
      reasons,
      nowMs,
    };
  };
}

/** Teams and credentials exist only where they are registered; other subjects may have policies before they are. */
function requireRegistered(view: OrganizationView, subject: Subject): void {
  const { kind, id } = subject;
  const isMissing =
    kind === 'team'
      ? view.team(id) === undefined
      : (kind === 'key' || kind === 'token') && view.credential(kind, id) === undefined;
  if (!isMissing) return;
  const reason =
    kind === 'team' ? 'TEAM_NOT_FOUND' : kind === 'key' ? 'KEY_NOT_FOUND' : 'TOKEN_NOT_FOUND';
  const name = kind === 'team' ? id : subjectText(subject);
  throw new ServiceError(reason, `${name}: not found`, { metadata: { name } });
}
