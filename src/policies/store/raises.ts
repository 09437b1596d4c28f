import { randomUUID } from 'node:crypto';
import { metricAmountForm, parseMetricAmount } from '../../core/metric-amount.ts';
import { encodeId, subjectName } from '../../core/subject.ts';
import { raisedAt, raiseOwner } from '../../core/raise.ts';
import type { Raise } from '../../core/raise.ts';
import { reachesSubject } from '../../core/declarations.ts';
import type { Limit } from '../../core/policy.ts';
import { maxInt64 } from '../../core/totals.ts';
import { invalidFields, ServiceError } from '../../platform/service-error.ts';
import type { Change, PolicyStore } from '../policy-store.ts';
import { maxRaisesOfOrganization, maxRaisesOfSubject, raiseState } from '../stored-raise.ts';
import type { NewRaise, RaiseChange, StoredRaise } from '../stored-raise.ts';
import { runChange } from './change.ts';
import type { Done, Locked, StoreParts } from './change.ts';
import { alreadyExists, notFound } from './change-errors.ts';
import { getRaise, listRaises } from './list-raises.ts';
import { readNewest } from './policy-revisions.ts';
import { decodeRaiseChange, raiseColumns, storedRaise } from './raise-rows.ts';
import type { RaiseRow } from './raise-rows.ts';

type Raises = Pick<PolicyStore, 'createRaise' | 'getRaise' | 'listRaises' | 'revokeRaise'>;

/** The raises of the store. */
export function storedRaises(parts: StoreParts): Raises {
  return {
    createRaise: (orgId, raise, by) =>
      change(parts, orgId, by, ['create raise', raise], (locked) => create(locked, raise)),
    getRaise: (orgId, id) => getRaise(parts, orgId, id),
    listRaises: (orgId, filter, page) => listRaises(parts, orgId, filter, page),
    revokeRaise: (orgId, id, by) =>
      change(parts, orgId, by, ['revoke raise', id], (locked) => revoke(locked, id)),
  };
}

async function change(
  parts: StoreParts,
  orgId: string,
  by: Change,
  content: readonly unknown[],
  work: (locked: Locked) => Promise<Done<RaiseChange>>,
): Promise<RaiseChange> {
  const { result } = await runChange(
    parts,
    { orgId, by, content, decode: decodeRaiseChange },
    work,
  );
  return result;
}

async function create(locked: Locked, wanted: NewRaise): Promise<Done<RaiseChange>> {
  const limit = await limitOf(locked, wanted);
  if (limit === undefined) throw notFound('LIMIT_NOT_FOUND', limitText(wanted));
  const raise = raiseOfLimit(wanted, limit, locked.now.getTime());
  await assertRoom(locked, raise);
  const others = await liveRaises(locked, raise);
  const stored = await insert(locked, raise);
  const amounts = amountsOf(limit, others, [...others, raise], locked);
  const logged = { kind: 'raise', subject: raise.id, revision: 1 };
  return { ...logged, result: { stored, amounts }, before: undefined, after: raise };
}

async function revoke(locked: Locked, id: string): Promise<Done<RaiseChange>> {
  const { client, orgId, epoch, now, by } = locked;
  const present = await client.query<RaiseRow>(
    `SELECT ${raiseColumns} FROM limit_raise WHERE org_id = $1 AND id = $2`,
    [orgId, id],
  );
  const [found] = present.rows.map(storedRaise);
  if (found === undefined) throw notFound('RAISE_NOT_FOUND', id);
  const { raise } = found;
  const logged = { kind: 'raise', subject: id, revision: 2, before: raise, after: raise };
  const limit = await limitOf(locked, raise);
  const live = await liveRaises(locked, raise);
  const others = live.filter((other) => other.id !== id);
  const isRaised =
    limit?.enabled === true && limit.metric === raise.metric && limit.window === raise.window;
  const amounts = isRaised ? amountsOf(limit, live, others, locked) : undefined;
  if (raiseState(found, now.getTime()) !== 'ACTIVE') {
    return { ...logged, result: { stored: found, amounts }, isNothing: true };
  }
  const { rows } = await client.query<RaiseRow>(
    `UPDATE limit_raise SET revoked_at = $3, over_ms = $7, revoked_reason = $4, revoked_by = $5, changed_epoch = $6
WHERE org_id = $1 AND id = $2 RETURNING ${raiseColumns}`,
    [orgId, id, now, by.reason, by.actor, epoch, now.getTime()],
  );
  const [stored = found] = rows.map(storedRaise);
  const after = { ...raise, revokedAtMs: now.getTime() };
  return { ...logged, result: { stored, amounts }, after };
}

/** The limit that is raised, as it is declared now. */
async function limitOf(
  { client, orgId }: Locked,
  { subject, limitName }: Pick<Raise, 'subject' | 'limitName'>,
): Promise<Limit | undefined> {
  const newest = await readNewest(client, orgId, subject);
  return newest?.policy.limits.find(({ name }) => name === limitName);
}

/** The raise of a limit; fails where there is nothing to raise, or what is wanted does not go with the limit. */
function raiseOfLimit(wanted: NewRaise, limit: Limit, nowMs: number): Raise {
  const { subject, limitName, kind, untilMs } = wanted;
  const field = `limit_raise.${kind === 'ADD' ? 'add' : 'amount'}`;
  const amount = parseMetricAmount(limit.metric, wanted.amount);
  if (amount === undefined) throw invalid(field, `must be ${metricAmountForm(limit.metric)}`);
  if (amount === 0n && kind === 'ADD') throw invalid(field, 'must be more than 0');
  if (untilMs <= nowMs) throw invalid('limit_raise.expire_time', 'must be in the future');
  const declared = limit.amount;
  const isRaised = declared !== undefined && (kind === 'ADD' || amount > declared);
  if (!limit.enabled || !isRaised) throw withoutEffect(wanted);
  if (kind === 'ADD' && declared + amount > maxInt64) {
    throw invalid(field, 'is, added to the amount of the limit, more than 2^63-1');
  }
  return {
    id: wanted.id ?? randomUUID(),
    subject,
    limitName,
    metric: limit.metric,
    window: limit.window,
    appliesTo: appliesTo(wanted, limit),
    kind,
    amount,
    untilMs,
  };
}

/** For whom a raise is; of a limit for its own subject there is only that one. */
function appliesTo({ subject, appliesTo: whom }: NewRaise, limit: Limit): Raise['appliesTo'] {
  if (whom === undefined) return undefined;
  if (!reachesSubject(limit.for, subject, whom)) {
    throw invalid('limit_raise.applies_to', 'is not of a kind that the limit applies to');
  }
  return limit.for.kind === 'SELF' ? undefined : whom;
}

function invalid(field: string, description: string): ServiceError {
  return invalidFields([{ field, description }]);
}

function limitText({ subject, limitName }: Pick<Raise, 'subject' | 'limitName'>): string {
  return `${subjectName(subject)}/${encodeId(limitName)}`;
}

function withoutEffect(wanted: NewRaise): ServiceError {
  const name = limitText(wanted);
  const why = 'is disabled or unlimited, or its amount is not less than the new one';
  return new ServiceError('RAISE_WITHOUT_EFFECT', `${name}: ${why}`, { metadata: { name } });
}

/** Fails where too many are active: each of them is read and kept by every replica that needs its subject. */
async function assertRoom({ client, orgId, now }: Locked, raise: Raise): Promise<void> {
  const owner = raiseOwner(raise);
  const { rows } = await client.query<{ of_owner: string; of_all: string }>(
    `SELECT count(*) AS of_all, count(*) FILTER (WHERE owner_kind = $3 AND owner_id = $4) AS of_owner
FROM limit_raise WHERE org_id = $1 AND revoked_at IS NULL AND over_ms > $2`,
    [orgId, now.getTime(), owner.kind, owner.id],
  );
  const count = (text: string | undefined): number => Number(text ?? 0);
  if (count(rows[0]?.of_owner) >= maxRaisesOfSubject) {
    throw tooMany(maxRaisesOfSubject, subjectName(owner));
  }
  if (count(rows[0]?.of_all) >= maxRaisesOfOrganization) {
    throw tooMany(maxRaisesOfOrganization, 'the organization');
  }
}

function tooMany(most: number, of: string): ServiceError {
  const message = `${of} has ${most} active raises, which is the most`;
  return new ServiceError('TOO_MANY_RAISES', message, { metadata: { max_raises: String(most) } });
}

/** The active raises of the same limit for the same subject, or for all. */
async function liveRaises({ client, orgId, now }: Locked, raise: Raise): Promise<readonly Raise[]> {
  const { subject, limitName, metric, window } = raise;
  const owner = raiseOwner(raise);
  const { rows } = await client.query<RaiseRow>(
    `SELECT ${raiseColumns} FROM limit_raise
WHERE org_id = $1 AND revoked_at IS NULL AND over_ms > $2 AND subject_kind = $3 AND subject_id = $4
  AND limit_name = $5 AND (for_all OR (owner_kind = $6 AND owner_id = $7))`,
    [orgId, now.getTime(), subject.kind, subject.id, limitName, owner.kind, owner.id],
  );
  return rows
    .map((row) => storedRaise(row).raise)
    .filter((other) => other.metric === metric && other.window === window);
}

function amountsOf(
  { amount }: Limit,
  before: readonly Raise[],
  after: readonly Raise[],
  { now }: Locked,
): RaiseChange['amounts'] {
  if (amount === undefined) return undefined;
  const with_ = (raises: readonly Raise[]): bigint =>
    raisedAt(amount, raises, now.getTime())?.amount ?? amount;
  return { before: with_(before), after: with_(after) };
}

async function insert(locked: Locked, raise: Raise): Promise<StoredRaise> {
  const { client, orgId, epoch, now, by } = locked;
  const owner = raiseOwner(raise);
  const of = [raise.subject.kind, raise.subject.id, raise.limitName];
  const whom = [owner.kind, owner.id, raise.appliesTo === undefined];
  const what = [raise.metric, raise.window ?? null, raise.kind, raise.amount, raise.untilMs];
  const { rows } = await client.query<RaiseRow>(
    `INSERT INTO limit_raise (org_id, id, subject_kind, subject_id, limit_name, owner_kind, owner_id, for_all, metric,
  time_window, kind, amount, until_ms, over_ms, reason, actor, epoch, changed_epoch, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $16, $17)
ON CONFLICT DO NOTHING RETURNING ${raiseColumns}`,
    [orgId, raise.id, ...of, ...whom, ...what, by.reason, by.actor, epoch, now],
  );
  const [stored] = rows.map(storedRaise);
  if (stored === undefined) throw alreadyExists('RAISE_EXISTS', raise.id);
  return stored;
}
