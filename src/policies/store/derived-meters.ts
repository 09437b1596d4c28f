import type { PoolClient } from 'pg';
import { familiesOf, familyName, familyTag } from '../../core/meters.ts';
import type { MeterFamily } from '../../core/organization-view.ts';
import type { Policy } from '../../core/policy.ts';
import { encodeId, subjectName } from '../../core/subject.ts';
import { familiesElsewhere } from './families-elsewhere.ts';

/**
 * Deletes the derived meters that no limit keeps any more after a policy changed.
 *
 * A meter left behind would stand still while calls go on, and would lie when a later limit revived it. One
 * deleted too many is only filled from the ledger again, so what is deleted may be a little more than needed.
 */
export async function dropDerivedMeters(
  client: PoolClient,
  orgId: string,
  before: Policy | undefined,
  after: Policy,
): Promise<void> {
  if (before === undefined) return;
  const kept = new Set(familiesOf(after).map(familyName));
  const lost = familiesOf(before).filter((family) => !kept.has(familyName(family)));
  if (lost.length === 0) return;
  const elsewhere = await familiesElsewhere(client, orgId, after);
  for (const family of lost) {
    if (elsewhere.has(familyName(family))) continue;
    await client.query(
      'DELETE FROM meter WHERE org_id = $1 AND family = $2 AND starts_with(meter_id, $3)',
      [orgId, familyTag(family), meterPrefix(family)],
    );
  }
}

/** What the names of a family's meters begin with. */
function meterPrefix(family: MeterFamily): string {
  const { kind, id, member, labelKey } = family;
  if (id !== undefined) return `${subjectName({ kind, id })}${member ? '/user:' : ''}`;
  return labelKey === undefined ? '' : `${kind}:${encodeId(`${labelKey}=`)}`;
}
