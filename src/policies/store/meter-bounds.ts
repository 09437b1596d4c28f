import type { PoolClient } from 'pg';
import { familiesOf, familyName, isWide, maxWideFamilies } from '../../core/meters.ts';
import type { Policy } from '../../core/policy.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { familiesElsewhere } from './families-elsewhere.ts';

/** A policy that changes; `before` is its newest revision, if it has one. */
export interface PolicyChange {
  readonly before: Policy | undefined;
  readonly after: Policy;
}

/**
 * FAILED_PRECONDITION `TOO_MANY_METERS` for policies with which their organization would keep too many meters of
 * its own for every user, key, customer, principal, app, team or value of a label. Each of them is a row that
 * calls write, for as many subjects of the kind as a call names.
 */
export async function assertMeterBounds(
  client: PoolClient,
  orgId: string,
  changed: readonly PolicyChange[],
): Promise<void> {
  const had = new Set(changed.flatMap(({ before }) => namesOf(before)));
  const wide = changed.flatMap(({ after }) => familiesOf(after).filter(isWide).map(familyName));
  // A change that adds none may always be made: it is how an organization gets below the bound.
  if (wide.every((name) => had.has(name))) return;
  const all = new Set(wide);
  const subjects = changed.map(({ after }) => after.subject);
  for (const [name, family] of await familiesElsewhere(client, orgId, subjects)) {
    if (isWide(family)) all.add(name);
  }
  if (all.size <= maxWideFamilies) return;
  const message =
    `policy.limits: with this policy the organization would have ${all.size} different combinations of for ` +
    `and targets that reach every subject of a kind; at most ${maxWideFamilies} are allowed`;
  throw new ServiceError('TOO_MANY_METERS', message, {
    metadata: { max_meters: String(maxWideFamilies) },
  });
}

function namesOf(policy: Policy | undefined): string[] {
  return policy === undefined ? [] : familiesOf(policy).map(familyName);
}
