import type { PriceEpochs, PriceSeries } from '../../core/catalog.ts';
import { priceFor, priceInForce } from '../../core/price.ts';
import { runChange } from './change.ts';
import type { Done, Locked, StoreParts } from './change.ts';
import { notFound } from './change-errors.ts';
import { inheritedEpoch } from './inheritance.ts';
import { platformId } from '../policy-store.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { RevokedPrice, StoredPrice } from '../stored-price.ts';
import type { Doc } from './documents.ts';
import { decodeStoredPrice, priceColumns, seriesKey, storedPrice } from './prices.ts';
import type { PriceRow } from './prices.ts';

/** Ends single revisions of prices at the store. */
export function storedRevocations(parts: StoreParts): Pick<PolicyStore, 'revokePrice'> {
  return {
    async revokePrice(orgId, series, revision, by) {
      const content = ['revoke price', series, revision];
      const request = { orgId, by, content, decode: decodeRevoked };
      const { result } = await runChange(parts, request, (locked) =>
        revoke(locked, series, revision),
      );
      return result;
    },
  };
}

async function revoke(
  locked: Locked,
  series: PriceSeries,
  revision: number,
): Promise<Done<RevokedPrice>> {
  const { client, epoch, now } = locked;
  const before = await revisionsAround(locked, series);
  const platformEpoch = await inheritedEpoch(client, locked.orgId);
  const inherited =
    platformEpoch === 0
      ? noRevisions
      : await revisionsAround({ client, orgId: platformId }, series);
  const epochs = { own: epoch, platform: platformEpoch };
  const own = before.get(seriesKey(series)) ?? [];
  const found = own.find(({ price }) => price.revision === revision);
  const name = seriesKey(series).trimEnd();
  if (found === undefined) throw notFound('PRICE_NOT_FOUND', `${name} ${revision}`);
  const inForce = (of: ReadonlyMap<string, readonly StoredPrice[]>) =>
    inForceFor({ own: of, inherited }, series, epochs, now.getTime());
  const logged = { kind: 'price', subject: name, revision, before: found.price };
  if (found.revokedAtMs !== undefined) {
    const result = { price: found, inForce: inForce(before) };
    return { ...logged, result, after: found.price, isNothing: true };
  }
  const prices = own.map(({ price }) => price);
  const isInForce = priceInForce(prices, epoch, now.getTime()) === found.price;
  const ended = await endRevisions(locked, series, revision, isInForce);
  const endedRevisions = new Map(ended.map((one) => [one.price.revision, one]));
  const after = own.map((one) => endedRevisions.get(one.price.revision) ?? one);
  const price = endedRevisions.get(revision);
  if (price === undefined) throw new Error(`revision ${revision} of ${name} was not ended`);
  const result = { price, inForce: inForce(new Map([...before, [seriesKey(series), after]])) };
  return { ...logged, result, after: price.price };
}

/**
 * Ends one revision. With the one in force end those that it replaced: then the next less specific price applies, not
 * an old one again.
 */
async function endRevisions(
  { client, orgId, epoch, now, by }: Locked,
  { scope, subject, serviceTier = '' }: PriceSeries,
  revision: number,
  isInForce: boolean,
): Promise<readonly StoredPrice[]> {
  const what = [orgId, scope, subject, serviceTier];
  const how = [epoch, by.reason, by.actor, now, revision, isInForce, now.getTime()];
  const { rows } = await client.query<PriceRow>(
    `UPDATE price_revision SET revoked_epoch = $5, changed_epoch = $5, revoked_reason = $6,
  revoked_by = $7, revoked_at = $8
WHERE org_id = $1 AND scope = $2 AND subject = $3 AND service_tier = $4 AND revoked_epoch IS NULL
  AND (revision = $9 OR ($10 AND effective_at_ms <= $11))
RETURNING ${priceColumns}`,
    [...what, ...how],
  );
  return rows.map(storedPrice);
}

/** The revisions of a series and of the less specific ones that may apply in its place, by series. */
async function revisionsAround(
  { client, orgId }: Pick<Locked, 'client' | 'orgId'>,
  series: PriceSeries,
): Promise<ReadonlyMap<string, readonly StoredPrice[]>> {
  const { scope, subject, serviceTier = '' } = series;
  const { model } = callOfSeries(series);
  const { rows } = await client.query<PriceRow>(
    `SELECT ${priceColumns} FROM price_revision WHERE org_id = $1
  AND ((scope = $2 AND subject = $3) OR (scope = 'MODEL' AND subject = $4)) AND service_tier IN ('', $5)
ORDER BY scope, subject, service_tier, revision`,
    [orgId, scope, subject, model, serviceTier],
  );
  return Map.groupBy(rows.map(storedPrice), ({ price }) => seriesKey(price));
}

/** Revisions by series, of the organization and of the platform. */
interface Revisions {
  readonly own: ReadonlyMap<string, readonly StoredPrice[]>;
  readonly inherited: ReadonlyMap<string, readonly StoredPrice[]>;
}

const noRevisions: ReadonlyMap<string, readonly StoredPrice[]> = new Map();

/** What prices the calls that a series is for. */
function inForceFor(
  { own, inherited }: Revisions,
  series: PriceSeries,
  epochs: PriceEpochs,
  atMs: number,
): StoredPrice | undefined {
  const pricesOf =
    (revisions: ReadonlyMap<string, readonly StoredPrice[]>) =>
    (scope: PriceSeries['scope'], subject: string, serviceTier?: string) =>
      (revisions.get(seriesKey({ scope, subject, serviceTier })) ?? []).map(({ price }) => price);
  const view = { prices: pricesOf(own), platformPrices: pricesOf(inherited) };
  const found = priceFor(view, callOfSeries(series), epochs, atMs);
  return [...own.values(), ...inherited.values()]
    .flat()
    .find(({ price }) => price === found?.price);
}

/** A call that a series would price. Which model is called with a key is not known. */
function callOfSeries({ scope, subject, serviceTier }: PriceSeries): {
  readonly keys: readonly string[];
  readonly provider: string | undefined;
  readonly model: string;
  readonly serviceTier: string | undefined;
} {
  const after = subject.indexOf(':');
  const [first, rest] = [subject.slice(0, after), subject.slice(after + 1)];
  if (scope === 'KEY') return { keys: [rest], provider: undefined, model: '', serviceTier };
  if (scope === 'MODEL') return { keys: [], provider: undefined, model: subject, serviceTier };
  return { keys: [], provider: first, model: rest, serviceTier };
}

function decodeRevoked(doc: Doc<RevokedPrice>): RevokedPrice {
  return {
    price: decodeStoredPrice(doc.price),
    inForce: doc.inForce === undefined ? undefined : decodeStoredPrice(doc.inForce),
  };
}
