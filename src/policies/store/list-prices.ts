import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page, PageWeight, Position } from '../../platform/paging.ts';
import type { Rates } from '../../core/catalog.ts';
import { platformId } from '../policy-store.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { PriceFilter, StoredPrice } from '../stored-price.ts';
import type { StoreParts } from './change.ts';
import { openDoc } from './documents.ts';
import { inheritedEpoch } from './inheritance.ts';
import { priceColumns, storedPrice } from './prices.ts';
import type { PriceRow } from './prices.ts';
import { requireOrganization } from './records.ts';

/** The list of price revisions at the store. */
export function storedPriceLists(parts: StoreParts): Pick<PolicyStore, 'listPrices'> {
  return { listPrices: (orgId, filter, page) => list(parts, orgId, filter, page) };
}

/** A price has up to eight steps, each with seven amounts and those of units. */
const pageWeight: PageWeight<PriceRow> = {
  most: 2000,
  of: (row) =>
    openDoc<readonly Rates[]>(row.rates).reduce(
      (sum, { units }) => sum + 1 + Math.ceil(units.length / 7),
      0,
    ),
};

async function list(
  parts: StoreParts,
  orgId: string,
  filter: PriceFilter,
  page: Page,
): Promise<Listed<StoredPrice>> {
  const name = `${orgId}/prices`;
  const after = positionOf(page, name, ['text', 'text', 'text', 'integer', 'integer']);
  try {
    const owners = await ownersOf(parts, orgId, filter);
    // A filter may leave no owner.
    if (owners.length === 0) return { items: [], nextToken: undefined };
    const { text, values } = statement(owners, filter, page, after);
    const { rows } = await parts.pool.query<PriceRow>(text, values);
    if (rows.length === 0) await requireOrganization(parts, orgId);
    return pageOf(rows, page, name, positionOfRow, storedPrice, pageWeight);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

/** Whose prices are listed: the organization's, and the platform's if it inherits them. */
async function ownersOf(
  { pool }: StoreParts,
  orgId: string,
  { source }: PriceFilter,
): Promise<readonly string[]> {
  const isInheriting = orgId !== platformId && (await inheritedEpoch(pool, orgId)) > 0;
  const owners = isInheriting ? [orgId, platformId] : [orgId];
  const isMeant = (owner: string): boolean =>
    source === undefined || (source === 'PLATFORM') === (owner === platformId);
  return owners.filter(isMeant);
}

/**
 * The prices of each owner are read in the order of the primary key, as many as the page wants, so that no list is
 * sorted as a whole.
 */
function statement(
  owners: readonly string[],
  filter: PriceFilter,
  page: Page,
  after: Position | undefined,
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [page.size + 1];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const conditions = conditionsOf(filter, page, place);
  const branches = owners.map((owner) => {
    const from = place(owner);
    const [scope, subject, tier, revision] = startOf(owner, after).map(place);
    return `(SELECT ${priceColumns} FROM price_revision WHERE org_id = ${from}
  AND (scope, subject, service_tier, revision) > (${scope}, ${subject}, ${tier}, ${revision}::integer) ${conditions}
ORDER BY scope, subject, service_tier, revision LIMIT $1)`;
  });
  const text = `SELECT * FROM (${branches.join('\nUNION ALL\n')}) AS found
ORDER BY scope, subject, service_tier, is_platform, revision LIMIT $1`;
  return { text, values };
}

function conditionsOf(
  { scope, subject, revoked }: PriceFilter,
  { contains }: Page,
  place: (value: unknown) => string,
): string {
  const conditions: string[] = [];
  if (scope !== undefined) conditions.push(`scope = ${place(scope)}`);
  if (subject !== undefined) conditions.push(`subject = ${place(subject)}`);
  if (revoked !== undefined) conditions.push(`revoked_epoch IS ${revoked ? 'NOT NULL' : 'NULL'}`);
  if (contains !== undefined) {
    const text = "lower(scope || ' ' || subject || ' ' || service_tier)";
    conditions.push(`strpos(${text}, lower(${place(contains)})) > 0`);
  }
  return conditions.map((condition) => `AND ${condition}`).join(' ');
}

const beforeAll = 0;
const afterAll = 2_147_483_647;

/** After which row of an owner its prices are read: own prices of a series stand before the platform's. */
function startOf(owner: string, after: Position | undefined): readonly unknown[] {
  const [scope = '', subject = '', tier = '', isPlatform = '0', revision = '0'] = after ?? [];
  const wasPlatform = isPlatform === '1';
  const series = [scope, subject, tier];
  if (wasPlatform === (owner === platformId)) return [...series, Number(revision)];
  return [...series, wasPlatform ? afterAll : beforeAll];
}

function positionOfRow(row: PriceRow): Position {
  const { scope, subject, service_tier: tier, is_platform: isPlatform, revision } = row;
  return [scope, subject, tier, isPlatform ? '1' : '0', String(revision)];
}
