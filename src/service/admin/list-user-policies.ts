import type { User } from '../../core/directory.ts';
import { meterOf } from '../../core/meter.ts';
import type { OrganizationView } from '../../core/organization-view.ts';
import { resolvePath } from '../../core/path.ts';
import type { Bypass, Policy } from '../../core/policy.ts';
import { raisedStanding } from '../../core/raised-standing.ts';
import type { RaisedStanding } from '../../core/raised-standing.ts';
import { effectiveLimits } from '../../core/resolve.ts';
import type { EffectiveLimit } from '../../core/resolve.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../platform/clock.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { tokenAfter } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { UserViews } from '../../policies/user-views.ts';
import { callOfSubject } from './call-of-subject.ts';
import type { QueryLimits } from './usage-queries.ts';

/** Which users are listed; undefined: any. */
export interface UserPolicyFilter {
  readonly orgId: string;
  readonly idPrefix: string;
  readonly tier: string | undefined;
  readonly hasOverride: boolean | undefined;
  readonly hasBypass: boolean | undefined;
  /** NEAR includes OVER. */
  readonly standing: 'ANY' | 'NEAR' | 'OVER';
}

/** One user, with what is declared on it and what holds for it. */
export interface UserPolicy {
  readonly id: string;
  readonly user: User | undefined;
  readonly override: Policy | undefined;
  /** Daily and monthly, of all its calls together. */
  readonly limits: readonly RaisedStanding[];
  /** Its own, if it is in force. */
  readonly bypass: Bypass | undefined;
}

interface Parts {
  readonly users: UserViews;
  readonly ledger: Pick<Ledger, 'meters'>;
  readonly clock: Clock;
}

/** A page looks at no more users than this. */
const mostScanned = 2000;
const mostAtOnce = 1000;

/**
 * Lists users with their own policies, daily and monthly limits and bypass, by id. A few queries for each thousand users
 * that are looked at. NOT_FOUND if the organization is unknown.
 */
export function createListUserPolicies(parts: Parts) {
  return async function listUserPolicies(
    filter: UserPolicyFilter,
    page: Page,
    until: QueryLimits,
  ): Promise<Listed<UserPolicy>> {
    const { orgId, idPrefix, tier } = filter;
    const withBypass = filter.hasBypass === true;
    const scan = { idPrefix, tier, withBypass, withPolicy: filter.hasOverride === true };
    const isWanted = wanted(filter);
    const kept: UserPolicy[] = [];
    let scanned = 0;
    let { token } = page;
    for (;;) {
      const size = isPlain(filter) ? page.size - kept.length : mostAtOnce;
      const found = await parts.users.list(orgId, scan, { ...page, size, token });
      const rows = await userPolicies(parts, orgId, found.items, until);
      scanned += rows.length;
      for (const row of rows.filter(isWanted)) {
        if (kept.length === page.size) return listed(kept, page, orgId, kept.at(-1)?.id);
        kept.push(row);
      }
      token = found.nextToken;
      if (token === undefined) return { items: kept, nextToken: undefined };
      if (kept.length === page.size || scanned >= mostScanned) {
        return listed(kept, page, orgId, found.items.at(-1));
      }
    }
  };
}

/** Whether the list of ids follows all of the filter, so that no row of it is left out. */
function isPlain({ hasOverride, hasBypass, standing, tier }: UserPolicyFilter): boolean {
  const isAnyBypass = hasBypass === undefined && standing === 'ANY';
  return isAnyBypass && (hasOverride === undefined || (hasOverride && tier === undefined));
}

function listed(
  items: readonly UserPolicy[],
  page: Page,
  orgId: string,
  last: string | undefined,
): Listed<UserPolicy> {
  const list = `${orgId}/user-policies`;
  return { items, nextToken: last === undefined ? undefined : tokenAfter(page, list, [last]) };
}

function wanted(filter: UserPolicyFilter): (row: UserPolicy) => boolean {
  const { tier, hasOverride, hasBypass, standing } = filter;
  return ({ user, override, bypass, limits }) =>
    (tier === undefined || user?.tier === tier) &&
    (hasOverride === undefined || hasOverride === (override !== undefined)) &&
    (hasBypass === undefined || hasBypass === (bypass !== undefined)) &&
    (standing === 'ANY' ||
      limits.some((limit) => limit.standing === 'OVER' || limit.standing === standing));
}

async function userPolicies(
  { users, ledger, clock }: Parts,
  orgId: string,
  ids: readonly string[],
  until: QueryLimits,
): Promise<readonly UserPolicy[]> {
  const views = await users.read(orgId, ids);
  if (views === undefined) {
    const metadata = { name: orgId };
    throw new ServiceError('ORGANIZATION_NOT_FOUND', `${orgId}: not found`, { metadata });
  }
  const [first] = views;
  if (first === undefined) return [];
  const nowMs = clock.nowMs();
  const meters = ids.map((id) => meterOf({ kind: 'user', id }));
  const totals = await ledger.meters(orgId, first.organization.calendar, meters, nowMs, until);
  return views.flatMap((view, index): UserPolicy[] => {
    const [id, found] = [ids[index], totals[index]];
    if (id === undefined || found === undefined) return [];
    const override = view.policy({ kind: 'user', id });
    const bypass = override?.bypass;
    const isOver = bypass?.untilMs !== undefined && nowMs >= bypass.untilMs;
    const limits = shownLimits(view, id, nowMs).map((limit) =>
      raisedStanding(view, limit, found, nowMs),
    );
    return [{ id, user: view.user(id), override, limits, bypass: isOver ? undefined : bypass }];
  });
}

/** The daily and monthly limits on the meter of the user itself. */
function shownLimits(view: OrganizationView, id: string, nowMs: number): EffectiveLimit[] {
  const { path } = resolvePath(view, callOfSubject({ kind: 'user', id }), nowMs);
  return effectiveLimits(view, path).filter(
    ({ meter, limit }) =>
      meter.subject.kind === 'user' &&
      meter.targets.length === 0 &&
      (limit.window === 'DAY' || limit.window === 'MONTH'),
  );
}
