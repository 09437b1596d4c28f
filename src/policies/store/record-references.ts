import type { PoolClient } from 'pg';
import { ServiceError } from '../../platform/service-error.ts';
import type { Precondition } from '../../platform/service-error.ts';
import type { DeletableKind, RecordKind } from '../policy-store.ts';

/** Where records name a record of some kind: whose field, and how its document then looks. */
interface Reference {
  readonly from: RecordKind;
  readonly field: string;
  readonly doc: (id: string) => object;
}

const ofCredentials = (field: 'team' | 'user' | 'principal' | 'app' | 'customer') =>
  (['key', 'token'] as const).map((from) => ({
    from,
    field,
    doc: (id: string) => ({ [field]: id }),
  }));

const references: { readonly [K in DeletableKind]: readonly Reference[] } = {
  team: [
    { from: 'team', field: 'parent', doc: (id) => ({ parent: id }) },
    { from: 'user', field: 'teams', doc: (id) => ({ teams: [id] }) },
    ...ofCredentials('team'),
  ],
  user: ofCredentials('user'),
  principal: ofCredentials('principal'),
  app: [{ from: 'principal', field: 'app', doc: (id) => ({ app: id }) }, ...ofCredentials('app')],
  customer: ofCredentials('customer'),
  model: [{ from: 'route_group', field: 'members', doc: (id) => ({ members: [id] }) }],
  route_group: [],
  // A group is a label, which works without a record.
  model_group: [],
};

/** How many references an error names. */
const mostNamed = 20;

/**
 * FAILED_PRECONDITION `RECORD_IN_USE`, with the first references, if other records name this one. A revoked credential
 * does not count: it cannot be changed, and never belongs to a call again.
 */
export async function requireUnnamed(
  client: PoolClient,
  orgId: string,
  kind: DeletableKind,
  id: string,
): Promise<void> {
  const found: Precondition[] = [];
  for (const { from, field, doc } of references[kind]) {
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM record
WHERE org_id = $1 AND kind = $2 AND doc @> $3::jsonb AND NOT deleted
  AND NOT (kind IN ('key', 'token') AND doc->>'state' = 'REVOKED')
ORDER BY id LIMIT $4`,
      [orgId, from, JSON.stringify(doc(id)), mostNamed + 1 - found.length],
    );
    for (const row of rows) {
      const description = `names it in ${field}`;
      found.push({ type: 'REFERENCE', subject: `${from}:${row.id}`, description });
    }
    if (found.length > mostNamed) break;
  }
  if (found.length > 0) throw inUse(id, found);
}

function inUse(name: string, found: readonly Precondition[]): ServiceError {
  const preconditions = found.slice(0, mostNamed);
  const list = preconditions.map(({ subject }) => subject).join(', ');
  const more = found.length > mostNamed ? ' and more' : '';
  const message = `${name}: is named by ${list}${more}; change, revoke or delete these first`;
  return new ServiceError('RECORD_IN_USE', message, { preconditions, metadata: { name } });
}
