import type { Model } from '../../core/catalog.ts';
import type { Policy } from '../../core/policy.ts';
import type { SubjectKind } from '../../core/subject.ts';
import { targetMatches } from '../../core/target.ts';
import { storeFailure } from '../../db/errors.ts';
import { positionOf, tokenAfter } from '../../platform/paging.ts';
import type { Listed, Page, Position } from '../../platform/paging.ts';
import type { ModelUse } from '../catalog-uses.ts';
import { platformId } from '../policy-store.ts';
import type { PolicyStore } from '../policy-store.ts';
import { entriesOf } from './catalog-entries.ts';
import type { StoreParts } from './change.ts';
import { decodePolicy, openDoc } from './documents.ts';
import type { StoredDoc } from './documents.ts';
import { inheritedEpoch } from './inheritance.ts';
import { priceColumns, storedPrice } from './prices.ts';
import type { PriceRow } from './prices.ts';
import { requireOrganization } from './records.ts';

/** How many policies are looked at for a page. */
const mostScanned = 2000;

/** Where models are named, at the store. */
export function storedModelUses(parts: StoreParts): Pick<PolicyStore, 'listModelUses'> {
  return {
    async listModelUses(orgId, id, page) {
      const list = `${orgId}/model-uses`;
      const after = positionOf(page, list, ['text', 'text', 'text', 'text', 'text']);
      try {
        const found = await search(parts, orgId, id, { size: page.size, after });
        if (found.uses.length === 0) await requireOrganization(parts, orgId);
        return listed(found, page, list);
      } catch (cause) {
        throw storeFailure(cause);
      }
    },
  };
}

/** A use, and its place in the list: its section, and the key of its row there, the rest empty. */
interface Placed {
  readonly use: ModelUse;
  readonly place: Position;
}

interface Found {
  readonly uses: readonly Placed[];
  /** Where the search ended before the end of the list. */
  readonly last: Position | undefined;
}

function listed({ uses, last }: Found, page: Page, list: string): Listed<ModelUse> {
  const nextToken = last === undefined ? undefined : tokenAfter(page, list, last);
  return { items: uses.map(({ use }) => use), nextToken };
}

interface Range {
  readonly size: number;
  readonly after: Position | undefined;
}

/** A part of the list: what comes after a place in it, at most so many rows. */
type Section = (key: Position, most: number) => Promise<readonly Row[]>;

/** A row that was looked at, and the uses that it is. */
interface Row {
  readonly key: Position;
  readonly uses: readonly ModelUse[];
}

/** Reads one section after another until the page is full or enough was looked at. All uses of a row are on one page. */
async function search(
  parts: StoreParts,
  orgId: string,
  id: string,
  { size, after }: Range,
): Promise<Found> {
  const isInheriting = (await inheritedEpoch(parts.pool, orgId)) > 0;
  const owner = { orgId, isInheriting };
  const sections: readonly Section[] = [
    routeGroups(parts, owner, id),
    prices(parts, owner, id),
    policies(parts, orgId, await factsOf(parts, owner, id)),
  ];
  const [begin = '0', ...beginKey] = after ?? [];
  const uses: Placed[] = [];
  let scanned = 0;
  for (const [index, section] of sections.entries()) {
    if (index < Number(begin)) continue;
    const key = index === Number(begin) ? beginKey : [];
    const most = mostScanned - scanned;
    const rows = await section(key, most);
    for (const row of rows) {
      const place = placeOf(index, row.key);
      uses.push(...row.uses.map((use) => ({ use, place })));
      scanned += 1;
      if (uses.length >= size) return { uses, last: place };
    }
    const last = rows.at(-1);
    if (rows.length === most && last !== undefined) return { uses, last: placeOf(index, last.key) };
  }
  return { uses, last: undefined };
}

function placeOf(section: number, key: Position): Position {
  const [a = '', b = '', c = '', d = ''] = key;
  return [String(section), a, b, c, d];
}

interface Owner {
  readonly orgId: string;
  readonly isInheriting: boolean;
}

function routeGroups({ pool }: StoreParts, { orgId, isInheriting }: Owner, id: string): Section {
  return async ([after = ''], most) => {
    const { rows } = await pool.query<{ id: string; is_platform: boolean }>(
      `SELECT id, is_platform FROM ${entriesOf('route_group')} AS g
WHERE g.doc->'members' ? $3 AND id > $4 ORDER BY id LIMIT $5`,
      [orgId, isInheriting, id, after, most],
    );
    return rows.map((row) => ({
      key: [row.id],
      uses: [
        { kind: 'ROUTE_GROUP', id: row.id, source: row.is_platform ? 'PLATFORM' : 'OWN' } as const,
      ],
    }));
  };
}

/** Of a provider's model all providers count: a call may name another one than the catalog has. */
function prices({ pool }: StoreParts, { orgId, isInheriting }: Owner, id: string): Section {
  const owners = isInheriting ? [orgId, platformId] : [orgId];
  return async ([scope = '', subject = '', tier = '', last = '0'], most) => {
    const revision = /^\d+$/.test(last) ? last : '0';
    const { rows } = await pool.query<PriceRow>(
      `SELECT ${priceColumns} FROM price_revision
WHERE org_id = ANY ($1::text[]) AND revoked_epoch IS NULL
  AND ((scope = 'MODEL' AND subject = $2)
    OR (scope = 'PROVIDER_MODEL' AND substr(subject, strpos(subject, ':') + 1) = $2))
  AND (scope, subject, service_tier, (org_id = '${platformId}')::int::bigint << 32 | revision) > ($3, $4, $5, $6::bigint)
ORDER BY scope, subject, service_tier, (org_id = '${platformId}')::int::bigint << 32 | revision LIMIT $7`,
      [owners, id, scope, subject, tier, revision, most],
    );
    return rows.map((row) => ({
      key: [row.scope, row.subject, row.service_tier, placeOfRevision(row)],
      uses: [{ kind: 'PRICE', price: storedPrice(row) }] as const,
    }));
  };
}

/** Own revisions stand before those of the platform. */
function placeOfRevision({ is_platform: isPlatform, revision }: PriceRow): string {
  return String((isPlatform ? 2 ** 32 : 0) + revision);
}

type Facts = Parameters<typeof targetMatches>[1];

/** What the lists of policies match: the name, and the labels of the model that applies, if there is one. */
async function factsOf(
  { pool }: StoreParts,
  { orgId, isInheriting }: Owner,
  name: string,
): Promise<Facts> {
  const { rows } = await pool.query<{ doc: StoredDoc<Model> }>(
    `SELECT doc FROM ${entriesOf('model')} AS m WHERE id = $3`,
    [orgId, isInheriting, name],
  );
  const [row] = rows;
  const groups = row === undefined ? [] : openDoc<Model>(row.doc).groups;
  return { name, kind: 'MODEL', provider: undefined, groups, members: [] };
}

interface PolicyRow {
  readonly subject_kind: SubjectKind;
  readonly subject_id: string;
  readonly doc: StoredDoc<Policy>;
}

/** The policies that name any targets, by an index of their own; which of them name the model, is found here. */
function policies({ pool }: StoreParts, orgId: string, target: Facts): Section {
  return async ([kind = '', id = ''], most) => {
    const { rows } = await pool.query<PolicyRow>(
      `SELECT subject_kind, subject_id, doc FROM policy_revision
WHERE org_id = $1 AND newest AND (doc ? 'access' OR doc @? '$.limits[*].targets[*]')
  AND (subject_kind, subject_id) > ($2, $3) ORDER BY subject_kind, subject_id LIMIT $4`,
      [orgId, kind, id, most],
    );
    return rows.map((row) => ({
      key: [row.subject_kind, row.subject_id],
      uses: usesIn(decodePolicy(openDoc<Policy>(row.doc)), target),
    }));
  };
}

function usesIn({ subject, access, limits }: Policy, target: Facts): readonly ModelUse[] {
  const namedIn = (list: readonly string[] = []): readonly string[] =>
    list.filter((entry) => targetMatches([entry], target));
  return [
    ...namedIn(access?.allow).map((entry) => ({ kind: 'ALLOW', subject, entry }) as const),
    ...namedIn(access?.deny).map((entry) => ({ kind: 'DENY', subject, entry }) as const),
    ...limits.flatMap(({ name: limit, targets }) =>
      namedIn(targets).map((entry) => ({ kind: 'LIMIT', subject, entry, limit }) as const),
    ),
  ];
}
