import { unknownEstimate } from '../../core/call.ts';
import { limitStanding } from '../../core/limit-standing.ts';
import type { LimitStanding, MeteredLimit } from '../../core/limit-standing.ts';
import { byCodeUnit, meterOf } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import type { OrganizationView } from '../../core/organization-view.ts';
import { resolvePath } from '../../core/path.ts';
import { windows } from '../../core/policy.ts';
import { raisesOf } from '../../core/raises-of-limit.ts';
import { effectiveLimits } from '../../core/resolve.ts';
import { limitsWithRaises } from '../../core/standing-limits.ts';
import { asCataloged } from '../../core/served-by.ts';
import { subjectName } from '../../core/subject.ts';
import type { Subject, SubjectKind } from '../../core/subject.ts';
import { windowAt } from '../../core/window.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../platform/clock.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { Policies } from '../../policies/policies.ts';
import { noSubjects, viewOf } from '../scope.ts';
import type { LimitCandidates } from './limit-candidates.ts';
import type { QueryLimits } from './usage-queries.ts';

/** Which limits are listed. */
export interface LimitUsageFilter {
  readonly orgId: string;
  /** The limits of these subjects alone; empty: those that are found. */
  readonly subjects: readonly Subject[];
  readonly kinds: readonly SubjectKind[];
  /** Only of users of this tier. */
  readonly tier: string | undefined;
  /** Only those that stand so: NEAR includes OVER. */
  readonly standing: 'ANY' | 'NEAR' | 'OVER';
}

interface Parts {
  readonly policies: Policies;
  readonly ledger: Pick<Ledger, 'meters'>;
  readonly candidates: LimitCandidates;
  readonly clock: Clock;
}

/** Views that are loaded at once. */
const mostAtOnce = 16;

/**
 * Limits with how they stand, those with the largest share first: of given subjects, or of those that `LimitCandidates`
 * finds. Each subject has the limits of a call that names it alone. NOT_FOUND if the organization is unknown.
 */
export function createListLimitUsage(parts: Parts) {
  return async function listLimitUsage(
    filter: LimitUsageFilter,
    page: Page,
    until: QueryLimits,
  ): Promise<Listed<LimitStanding>> {
    const { orgId } = filter;
    const list = `${orgId}/limit-usage`;
    const after = positionOf(page, list, ['integer', 'text', 'text']);
    const epoch = await parts.policies.newestEpoch(orgId);
    const nowMs = parts.clock.nowMs();
    const { organization } = await viewOf(parts.policies, orgId, nothingNamed, epoch);
    const { calendar } = organization;
    const startsMs = windows.map((window) => windowAt(calendar, window, nowMs).startMs);
    const isAny = filter.standing === 'ANY';
    const found =
      filter.subjects.length > 0
        ? filter.subjects.map((subject) => meterOf(subject))
        : await parts.candidates.find({ orgId, startsMs, kinds: filter.kinds, isAny }, until);
    const limits = await limitsOf(parts, filter, found, { epoch, nowMs });
    const meters = [...new Map(limits.map(({ meter }) => [meter.name, meter])).values()];
    const totals = await parts.ledger.meters(orgId, calendar, meters, nowMs, until);
    const totalsOf = new Map(meters.map(({ name }, at) => [name, totals[at]]));
    const standings = limits.flatMap((limit) => {
      const found = totalsOf.get(limit.meter.name);
      return found === undefined ? [] : [limitStanding(limit, found, calendar, nowMs)];
    });
    const listed = standings
      .filter(({ standing }) => isAny || standing === 'OVER' || standing === filter.standing)
      .map((standing) => ({ standing, key: keyOf(standing) }))
      .filter(({ key }) => after === undefined || byKey(after, key) < 0)
      .toSorted((a, b) => byKey(a.key, b.key));
    return pageOf(
      listed.slice(0, page.size + 1),
      page,
      list,
      ({ key }) => key,
      ({ standing }) => standing,
    );
  };
}

const nothingNamed = { subjects: noSubjects, credential: undefined };

/** The limits that hold on some meters' subjects, each once. */
async function limitsOf(
  { policies }: Parts,
  filter: LimitUsageFilter,
  meters: readonly Meter[],
  at: { readonly epoch: number; readonly nowMs: number },
): Promise<MeteredLimit[]> {
  const bases = new Map(
    meters.map(({ subject, member }) => [`${subjectName(subject)} ${member}`, { subject, member }]),
  );
  const wanted = [...bases.values()].filter(isWanted(filter));
  const limits = new Map<string, MeteredLimit>();
  for (let from = 0; from < wanted.length; from += mostAtOnce) {
    const some = wanted.slice(from, from + mostAtOnce);
    const found = await Promise.all(
      some.map(async (base) => {
        const need = needOf(base);
        const view = await viewOf(policies, filter.orgId, need, at.epoch);
        return limitsOnBase(view, need, base, filter.tier, at.nowMs);
      }),
    );
    for (const limit of found.flat()) {
      const { subject, limit: declared } = limit.planned;
      limits.set(`${subjectName(subject)} ${declared.name} ${limit.meter.name}`, limit);
    }
  }
  return [...limits.values()];
}

type Base = Pick<Meter, 'subject' | 'member'>;

function isWanted({ kinds, tier }: LimitUsageFilter): (base: Base) => boolean {
  return ({ subject, member }) => {
    if (tier !== undefined && subject.kind !== 'user' && member === undefined) return false;
    return kinds.length === 0 || kinds.includes(subject.kind);
  };
}

/** A call that names a subject alone. */
function needOf({ subject: { kind, id }, member }: Base) {
  const credential = kind === 'key' || kind === 'token' ? { kind, id } : undefined;
  const named = { ...noSubjects, user: member };
  switch (kind) {
    case 'team':
      return { subjects: { ...named, teams: [id] }, credential };
    case 'label': {
      const [key = '', ...value] = id.split('=');
      return { subjects: { ...named, labels: new Map([[key, value.join('=')]]) }, credential };
    }
    case 'user':
    case 'tier':
    case 'principal':
    case 'app':
    case 'customer':
      return { subjects: { ...named, [kind]: id }, credential };
    case 'key':
    case 'token':
    case 'org':
      return { subjects: named, credential };
  }
}

function limitsOnBase(
  view: OrganizationView,
  need: ReturnType<typeof needOf>,
  { subject, member }: Base,
  tier: string | undefined,
  nowMs: number,
): MeteredLimit[] {
  const request = { ...need, target: '', served: asCataloged, estimate: unknownEstimate };
  const { path } = resolvePath(view, request, nowMs);
  if (tier !== undefined && path.tier !== tier) return [];
  return effectiveLimits(view, path).flatMap((effective) => {
    const { meter, subject: declaring, revision, limit } = effective;
    const isOurs =
      meter.subject.kind === subject.kind &&
      meter.subject.id === subject.id &&
      meter.member === member;
    if (!isOurs) return [];
    const declared = { subject: declaring, revision, limit, meterIndex: 0 };
    const { limits } = limitsWithRaises([declared], [raisesOf(view, effective)])(nowMs);
    return limits.map((planned) => ({ planned, meter }));
  });
}

type Key = readonly [share: string, limit: string, meter: string];

const mostShare = 10n ** 18n - 1n;

function keyOf({ share, limit }: LimitStanding): Key {
  const shown = share < 0n ? 0n : share;
  const number = shown > mostShare ? mostShare : shown;
  return [number.toString(), `${subjectName(limit.subject)}/${limit.name}`, limit.meter.name];
}

/** The largest share first. */
function byKey(a: readonly string[], b: readonly string[]): number {
  const [shares, ofB] = [BigInt(a[0] ?? 0), BigInt(b[0] ?? 0)];
  if (shares !== ofB) return shares > ofB ? -1 : 1;
  return byCodeUnit(a[1] ?? '', b[1] ?? '') || byCodeUnit(a[2] ?? '', b[2] ?? '');
}
