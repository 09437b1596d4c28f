import { createHash } from 'node:crypto';
import { setImmediate as giveTurn } from 'node:timers/promises';
import type { PriceRevision } from '../../core/catalog.ts';
import { isSamePrice, priceInForce } from '../../core/price.ts';
import { byCodeUnit } from '../../core/meter.ts';
import { runChange } from './change.ts';
import type { Done, Locked, StoreParts } from './change.ts';
import { encodeValue } from './documents.ts';
import type { Doc } from './documents.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import { platformId } from '../policy-store.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { NewPrice, StoredPrice } from '../stored-price.ts';
import type { Page, PageWeight } from '../../platform/paging.ts';
import { importChanges } from '../stored-price.ts';
import type { PriceImport, PriceOffer } from '../price-import.ts';
import type { ImportedPrice, PriceImportAnswer } from '../stored-price.ts';
import {
  decodeStoredPrice,
  insertPrices,
  numberPrices,
  priceColumns,
  seriesKey,
  storedPrice,
} from './prices.ts';
import type { PriceRow } from './prices.ts';

/** Imports of price lists at the store. */
export function storedPriceImports(parts: StoreParts): Pick<PolicyStore, 'importPrices'> {
  return {
    async importPrices(orgId, prices, page, by) {
      // The prices themselves would be encoded for each comparison.
      const digest = createHash('sha256').update(encodeValue(prices)).digest('hex');
      const content = ['import prices', digest, page];
      const request = { orgId, by, content, decode: decodeAnswer };
      const { result } = await runChange(parts, request, (locked) =>
        importAll(locked, prices, page),
      );
      return result;
    },
  };
}

async function importAll(
  locked: Locked,
  prices: PriceImport,
  page: Page,
): Promise<Done<PriceImportAnswer>> {
  const compared = await compare(locked, prices.offers);
  const isNew = ({ change }: Compared): boolean => change !== 'SAME';
  const news = compared.filter(isNew);
  const numbered = await numberPrices(
    locked,
    news.map(({ offer }) => newPrice(offer, locked)),
  );
  const { validateOnly = false } = locked.by;
  const stored = validateOnly
    ? numbered.map((price) => asIfStored(price, locked))
    : await insertPrices(locked, numbered);
  await giveTurn();
  const rest = stored.values();
  const done = compared.map((one): ImportedPrice => {
    const { change, before, offer } = one;
    const price = isNew(one) ? rest.next().value : before;
    if (price === undefined) throw new Error(`no revision was stored of ${offer.subject}`);
    const { listed, subject, serviceTier, fromMs } = offer;
    const replaced = change === 'CHANGED' ? before : undefined;
    return { change, listed, subject, serviceTier, fromMs, price, before: replaced };
  });
  const skipped = prices.skipped.map((one): ImportedPrice => ({ ...one, change: 'SKIPPED' }));
  const result = answer(locked, prices.source, inOrder([...done, ...skipped]), page);
  await giveTurn();
  return {
    result,
    kind: 'price',
    subject: `${numbered.length} prices of ${prices.source}`,
    revision: undefined,
    before: news.flatMap(({ before }) => (before === undefined ? [] : [before.price])),
    after: numbered,
    isNothing: numbered.length === 0,
  };
}

interface Compared {
  readonly offer: PriceOffer;
  readonly change: 'ADDED' | 'CHANGED' | 'SAME';
  /** What is in force, or for an announced price what was announced for its instant. */
  readonly before: StoredPrice | undefined;
}

async function compare(
  locked: Locked,
  offers: readonly PriceOffer[],
): Promise<readonly Compared[]> {
  const present = await revisionsOf(locked, offers);
  return offers.map((offer) => {
    const revisions = present.get(seriesKey(offer)) ?? [];
    const before = counterpart(revisions, offer, locked);
    if (before === undefined) return { offer, change: 'ADDED', before };
    return { offer, change: isSamePrice(before.price, offer) ? 'SAME' : 'CHANGED', before };
  });
}

function counterpart(
  revisions: readonly StoredPrice[],
  { fromMs }: PriceOffer,
  { epoch, now }: Locked,
): StoredPrice | undefined {
  const prices = revisions.map(({ price }) => price);
  const found =
    fromMs === undefined
      ? priceInForce(prices, epoch, now.getTime())
      : prices.findLast(
          (price) => price.effectiveAtMs === fromMs && price.revokedEpoch === undefined,
        );
  return revisions.find(({ price }) => price === found);
}

/** All revisions of the subjects that are offered, oldest first. */
async function revisionsOf(
  { client, orgId }: Locked,
  offers: readonly PriceOffer[],
): Promise<ReadonlyMap<string, readonly StoredPrice[]>> {
  const { rows } = await client.query<PriceRow>(
    `SELECT ${priceColumns} FROM price_revision
WHERE org_id = $1 AND scope = ANY($2::text[]) AND subject = ANY($3::text[])
ORDER BY scope, subject, service_tier, revision`,
    [
      orgId,
      [...new Set(offers.map(({ scope }) => scope))],
      [...new Set(offers.map(({ subject }) => subject))],
    ],
  );
  return Map.groupBy(rows.map(storedPrice), ({ price }) => seriesKey(price));
}

function newPrice(offer: PriceOffer, { now, by }: Locked): NewPrice {
  const { scope, subject, serviceTier, perTokens, rates, fromMs = now.getTime() } = offer;
  return {
    scope,
    subject,
    serviceTier,
    perTokens,
    rates,
    effectiveAtMs: fromMs,
    reason: by.reason,
  };
}

/** A preview writes nothing: not even what is taken back afterwards, while the organization waits. */
function asIfStored(price: PriceRevision, { orgId, now, by }: Locked): StoredPrice {
  const createdAtMs = now.getTime();
  return {
    price,
    source: orgId === platformId ? 'PLATFORM' : 'OWN',
    actor: by.actor,
    createdAtMs,
    revokedAtMs: undefined,
    revokedReason: undefined,
    revokedBy: undefined,
  };
}

/**
 * The place of a price in an answer: what is done, its subject and service tier, when it was announced for, and what the list
 * calls it. Nothing that moves between one page and the next.
 */
function placeOf(one: ImportedPrice): readonly string[] {
  const { change, subject, serviceTier = '', listed } = one;
  const { fromMs = 0 } = change === 'SKIPPED' ? {} : one;
  const time = String(fromMs).padStart(16, '0');
  const name = `${listed.provider} ${listed.model}`;
  return [`${importChanges.indexOf(change)}`, subject, serviceTier, time, name];
}

interface Placed {
  readonly one: ImportedPrice;
  readonly place: readonly string[];
}

function inOrder(prices: readonly ImportedPrice[]): readonly Placed[] {
  return prices
    .map((one) => ({ one, place: placeOf(one) }))
    .toSorted((a, b) => comparePlaces(a.place, b.place));
}

function comparePlaces(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const order = byCodeUnit(part, b[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** As of a list of prices: counted in steps. */
const pageWeight: PageWeight<Placed> = {
  most: 2000,
  of: ({ one }) =>
    one.change === 'SKIPPED'
      ? 1
      : one.price.price.rates.length + (one.before?.price.rates.length ?? 0),
};

function answer(
  { orgId, by }: Locked,
  source: string,
  prices: readonly Placed[],
  page: Page,
): PriceImportAnswer {
  const list = `${orgId}/price-import/${source}`;
  const after = positionOf(page, list, ['text', 'text', 'text', 'text', 'text']);
  const left =
    after === undefined ? prices : prices.filter(({ place }) => comparePlaces(place, after) > 0);
  const { items, nextToken } = pageOf(
    left,
    page,
    list,
    ({ place }) => place,
    ({ one }) => one,
    pageWeight,
  );
  const count = (change: ImportedPrice['change']): number =>
    prices.filter(({ one }) => one.change === change).length;
  return {
    source,
    items,
    nextToken: by.validateOnly === true ? nextToken : undefined,
    counts: {
      ADDED: count('ADDED'),
      CHANGED: count('CHANGED'),
      SKIPPED: count('SKIPPED'),
      SAME: count('SAME'),
    },
  };
}

function decodeAnswer(doc: Doc<PriceImportAnswer>): PriceImportAnswer {
  return { ...doc, items: doc.items.map(decodeImported) };
}

function decodeImported(doc: Doc<ImportedPrice>): ImportedPrice {
  if (doc.change === 'SKIPPED') return doc;
  const before = doc.before === undefined ? undefined : decodeStoredPrice(doc.before);
  return { ...doc, price: decodeStoredPrice(doc.price), before };
}
