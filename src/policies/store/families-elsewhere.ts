import type { PoolClient } from 'pg';
import { familiesOf, familyName } from '../../core/meters.ts';
import type { MeterFamily } from '../../core/organization-view.ts';
import type { Policy } from '../../core/policy.ts';
import type { Subject } from '../../core/subject.ts';
import { decodePolicy, openDoc } from './documents.ts';
import type { StoredDoc } from './documents.ts';
import { sharedPolicyKinds } from './shared-kinds.ts';

/**
 * The families of derived meters, by name, of all policies of an organization but those of `subjects` that may name the
 * same as these: a user's, key's, principal's, app's or customer's own families are its alone.
 */
export async function familiesElsewhere(
  client: PoolClient,
  orgId: string,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, MeterFamily>> {
  const { rows } = await client.query<{ doc: StoredDoc<Policy> }>(
    `SELECT doc FROM policy_revision WHERE org_id = $1 AND newest AND subject_kind = ANY($2)
  AND (subject_kind, subject_id) NOT IN (SELECT * FROM unnest($3::text[], $4::text[]))`,
    [orgId, sharedPolicyKinds, subjects.map(({ kind }) => kind), subjects.map(({ id }) => id)],
  );
  const families = rows.flatMap((row) => familiesOf(decodePolicy(openDoc<Policy>(row.doc))));
  return new Map(families.map((family) => [familyName(family), family]));
}
