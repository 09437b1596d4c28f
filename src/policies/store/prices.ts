import type { PriceRevision, PriceScope, PriceSeries, Rates } from '../../core/catalog.ts';
import { runChange } from './change.ts';
import type { Locked, StoreParts } from './change.ts';
import { platformId } from '../policy-store.ts';
import type { Change, PolicyStore } from '../policy-store.ts';
import type { NewPrice, StoredPrice } from '../stored-price.ts';
import { decodePrice, documentForm, encodeValue, openDoc } from './documents.ts';
import type { Doc, StoredDoc } from './documents.ts';

/** The price revisions of the store. */
export function storedPrices(parts: StoreParts): Pick<PolicyStore, 'appendPrices'> {
  return {
    appendPrices: (orgId, prices, by) => append(parts, orgId, prices, by),
  };
}

/** A row of `price_revision`. */
export interface PriceRow {
  readonly scope: PriceScope;
  readonly subject: string;
  readonly service_tier: string;
  readonly revision: number;
  readonly per_tokens: string;
  readonly rates: StoredDoc<readonly Rates[]>;
  readonly effective_at_ms: string;
  readonly reason: string;
  readonly actor: string;
  readonly epoch: string;
  readonly created_at: Date;
  readonly revoked_epoch: string | null;
  readonly revoked_reason: string | null;
  readonly revoked_by: string | null;
  readonly revoked_at: Date | null;
  readonly is_platform: boolean;
}

/** The columns of a `PriceRow`. */
export const priceColumns =
  'scope, subject, service_tier, revision, per_tokens, rates, effective_at_ms, reason, actor, epoch, ' +
  `created_at, revoked_epoch, revoked_reason, revoked_by, revoked_at, org_id = '${platformId}' AS is_platform`;

/** What tells the prices of one series from those of another; a subject contains no space. */
export function seriesKey({ scope, subject, serviceTier }: PriceSeries): string {
  return `${scope} ${subject} ${serviceTier ?? ''}`;
}

async function append(
  parts: StoreParts,
  orgId: string,
  prices: readonly NewPrice[],
  by: Change,
): Promise<readonly StoredPrice[]> {
  const content = ['append prices', prices];
  const request = { orgId, by, content, decode: decodeAll };
  const { result } = await runChange(parts, request, async (locked) => {
    const numbered = await numberPrices(locked, prices);
    const result = await insertPrices(locked, numbered);
    const first = prices[0];
    const subject =
      prices.length === 1 && first !== undefined
        ? seriesKey(first).trimEnd()
        : `${prices.length} prices`;
    return {
      result,
      kind: 'price',
      subject,
      revision: undefined,
      before: undefined,
      after: numbered,
    };
  });
  return result;
}

/** Gives each price the next revision number of its series. */
export async function numberPrices(
  { client, orgId, epoch }: Locked,
  prices: readonly NewPrice[],
): Promise<readonly PriceRevision[]> {
  const { rows } = await client.query<{ series: string; last: number }>(
    `SELECT scope || ' ' || subject || ' ' || service_tier AS series, max(revision) AS last FROM price_revision
WHERE org_id = $1 AND subject = ANY($2::text[]) GROUP BY scope, subject, service_tier`,
    [orgId, prices.map((price) => price.subject)],
  );
  const last = new Map(rows.map((row) => [row.series, row.last]));
  return prices.map((price) => {
    const key = seriesKey(price);
    const revision = (last.get(key) ?? 0) + 1;
    last.set(key, revision);
    return { ...price, revision, epoch, revokedEpoch: undefined };
  });
}

/** Appends revisions, in the order they are given. */
export async function insertPrices(
  { client, orgId, epoch, now, by }: Locked,
  prices: readonly PriceRevision[],
): Promise<readonly StoredPrice[]> {
  const { rows } = await client.query<PriceRow>(
    `INSERT INTO price_revision (org_id, scope, subject, service_tier, revision, per_tokens, rates,
  effective_at_ms, reason, actor, epoch, created_at, changed_epoch)
SELECT o.org_id, p->>'scope', p->>'subject', coalesce(p->>'serviceTier', ''), (p->>'revision')::integer,
  (p->>'perTokens')::bigint, jsonb_build_object('form', $6::integer, 'items', p->'rates'),
  (p->>'effectiveAtMs')::bigint, p->>'reason', $3, $4, $5, $4
FROM org o, jsonb_array_elements($2::jsonb) AS p WHERE o.org_id = $1
RETURNING ${priceColumns}`,
    [orgId, encodeValue(prices), by.actor, epoch, now, documentForm],
  );
  const key = (price: PriceRevision): string => `${seriesKey(price)} ${price.revision}`;
  const stored = new Map(rows.map(storedPrice).map((one) => [key(one.price), one]));
  return prices.flatMap((price) => stored.get(key(price)) ?? []);
}

/** Reads a row of `price_revision`. */
export function storedPrice(row: PriceRow): StoredPrice {
  return {
    price: decodePrice({
      scope: row.scope,
      subject: row.subject,
      serviceTier: row.service_tier === '' ? undefined : row.service_tier,
      revision: row.revision,
      perTokens: row.per_tokens,
      rates: openDoc<readonly Rates[]>(row.rates),
      effectiveAtMs: Number(row.effective_at_ms),
      epoch: Number(row.epoch),
      revokedEpoch: row.revoked_epoch === null ? undefined : Number(row.revoked_epoch),
      reason: row.reason,
    }),
    source: row.is_platform ? 'PLATFORM' : 'OWN',
    actor: row.actor,
    createdAtMs: row.created_at.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
    revokedReason: row.revoked_reason ?? undefined,
    revokedBy: row.revoked_by ?? undefined,
  };
}

/** Reads back a price that was kept for repeats. */
export function decodeStoredPrice(doc: Doc<StoredPrice>): StoredPrice {
  return { ...doc, price: decodePrice(doc.price) };
}

function decodeAll(docs: readonly Doc<StoredPrice>[]): readonly StoredPrice[] {
  return docs.map(decodeStoredPrice);
}
