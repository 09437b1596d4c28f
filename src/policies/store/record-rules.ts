import type { PoolClient } from 'pg';
import type { RouteGroup } from '../../core/catalog.ts';
import type { Credential, Team, User } from '../../core/directory.ts';
import { maxTeamDepth } from '../../core/path.ts';
import { invalidFields, ServiceError } from '../../platform/service-error.ts';
import { alreadyExists } from './change-errors.ts';
import { inheritedNames } from './inheritance.ts';
import type { RecordKind, RecordOf } from '../policy-store.ts';

/** Models and route groups share one name space: ALREADY_EXISTS `TARGET_EXISTS` if the other has it. */
export async function checkNameSpace(
  client: PoolClient,
  orgId: string,
  kind: RecordKind,
  id: string,
): Promise<void> {
  const other = kind === 'model' ? 'route_group' : kind === 'route_group' ? 'model' : undefined;
  if (other === undefined) return;
  const taken = await known(client, orgId, other, [id]);
  if (taken.size > 0) throw alreadyExists('TARGET_EXISTS', id);
}

type Check<K extends RecordKind> = (
  client: PoolClient,
  orgId: string,
  record: RecordOf[K],
) => Promise<void>;

const checks: { readonly [K in RecordKind]?: Check<K> } = {
  team: checkTeam,
  user: (client, orgId, user: User) => requireTeams(client, orgId, 'teams', user.teams),
  key: checkCredential,
  token: checkCredential,
  route_group: (client, orgId, group: RouteGroup) => requireModels(client, orgId, group.members),
};

/** FIELD_INVALID, naming the field, for a reference to what must be there and is not. */
export async function checkReferences<K extends RecordKind>(
  client: PoolClient,
  orgId: string,
  kind: K,
  record: RecordOf[K],
): Promise<void> {
  const check: Check<K> | undefined = checks[kind];
  await check?.(client, orgId, record);
}

async function checkCredential(
  client: PoolClient,
  orgId: string,
  credential: Credential,
): Promise<void> {
  const { team } = credential;
  await requireTeams(client, orgId, 'team', team === undefined ? [] : [team]);
}

async function requireTeams(
  client: PoolClient,
  orgId: string,
  field: string,
  ids: readonly string[],
): Promise<void> {
  const found = await known(client, orgId, 'team', ids);
  requireNone(
    field,
    'team',
    ids.filter((id) => !found.has(id)),
  );
}

/** Own models, and those of the platform whose names the organization has not given to a route group of its own. */
async function requireModels(
  client: PoolClient,
  orgId: string,
  ids: readonly string[],
): Promise<void> {
  const own = await known(client, orgId, 'model', ids);
  const others = ids.filter((id) => !own.has(id));
  const inherited = await inheritedNames(client, orgId, ['model'], others);
  const replaced = await known(client, orgId, 'route_group', [...inherited]);
  requireNone(
    'members',
    'model',
    others.filter((id) => !inherited.has(id) || replaced.has(id)),
  );
}

function requireNone(field: string, kind: 'team' | 'model', missing: readonly string[]): void {
  if (missing.length === 0) return;
  const description = `unknown ${kind} ${missing.join(', ')}`;
  throw invalidFields([{ field, description }]);
}

async function known(
  client: PoolClient,
  orgId: string,
  kind: RecordKind,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM record
WHERE org_id = $1 AND kind = $2 AND id = ANY($3::text[]) AND NOT deleted`,
    [orgId, kind, ids],
  );
  return new Set(rows.map((row) => row.id));
}

async function checkTeam(client: PoolClient, orgId: string, team: Team): Promise<void> {
  if (team.parent === undefined) return;
  const { rows } = await client.query<{ id: string; parent: string | null }>(
    `SELECT id, doc->>'parent' AS parent FROM record
WHERE org_id = $1 AND kind = 'team' AND NOT deleted`,
    [orgId],
  );
  const parents = new Map(rows.map((row) => [row.id, row.parent ?? undefined]));
  if (team.parent !== team.id && !parents.has(team.parent)) {
    throw wrongParent(`unknown team ${team.parent}`);
  }
  parents.set(team.id, team.parent);
  for (const id of parents.keys()) {
    const chain = chainOf(parents, id);
    if (!chain.includes(team.id)) continue;
    if (chain.length > maxTeamDepth) {
      const isCircle = new Set(chain).size < chain.length;
      throw wrongParent(
        isCircle ? 'makes a circle of teams' : `makes teams more than ${maxTeamDepth} deep`,
      );
    }
  }
}

/** A team and its ancestors, nearest first; cut off where it is certain to be too long. */
function chainOf(parents: ReadonlyMap<string, string | undefined>, id: string): readonly string[] {
  const chain: string[] = [];
  for (let at: string | undefined = id; at !== undefined; at = parents.get(at)) {
    chain.push(at);
    if (chain.length > 2 * maxTeamDepth) break;
  }
  return chain;
}

function wrongParent(description: string): ServiceError {
  return invalidFields([{ field: 'parent', description }]);
}

type Keep<K extends RecordKind> = (
  record: RecordOf[K],
  before: RecordOf[K] | undefined,
) => RecordOf[K];

const keeps: { readonly [K in RecordKind]?: Keep<K> } = {
  key: keepCredentialFacts,
  token: keepCredentialFacts,
};

/** What a replacement may not change: a revoked credential stays revoked, its secret stays its own. */
export function keepFacts<K extends RecordKind>(
  kind: K,
  record: RecordOf[K],
  before: RecordOf[K] | undefined,
): RecordOf[K] {
  const keep: Keep<K> | undefined = keeps[kind];
  return keep === undefined ? record : keep(record, before);
}

function keepCredentialFacts(credential: Credential, before: Credential | undefined): Credential {
  if (before === undefined) return credential;
  if (before.state === 'REVOKED' && credential.state !== 'REVOKED') {
    throw new ServiceError(
      'CREDENTIAL_REVOKED',
      `${credential.id}: a revoked credential stays revoked; create another one`,
      { metadata: { name: credential.id } },
    );
  }
  return { ...credential, lastFour: before.lastFour };
}
