import type { Json } from './admin-client.ts';
import { fieldsOf } from './form.ts';
import type { Fields } from './form.ts';
import { enumOf, textOf } from './values.ts';
import { ownerOf } from './world.ts';
import type { World } from './world.ts';

/** Appends a price. */
export async function putPrice(world: World, fields: Fields): Promise<void> {
  const rates = {
    input: textOf(fields['input']),
    output: textOf(fields['output']),
    cached_input: textOf(fields['cached_input']),
    cache_write: textOf(fields['cache_write']),
    cache_write_1h: textOf(fields['cache_write_1h']),
    reasoning_output: textOf(fields['reasoning_output']),
    per_request: textOf(fields['per_request']),
    units: Object.fromEntries(
      Object.entries(fieldsOf(fields['units'])).map(([name, rate]) => [name, textOf(rate) ?? '']),
    ),
  };
  const price = {
    scope: enumOf('PRICE_SCOPE', fields['scope']),
    subject: textOf(fields['subject']),
    service_tier: textOf(fields['service_tier']),
    unit: enumOf('PRICE_UNIT', fields['unit']),
    effective_time: textOf(fields['effective']),
    rates: [rates],
  };
  const request = { ...ownerOf(world, fields), prices: [price], reason: textOf(fields['reason']) };
  await world.instance.admin.call('CatalogService/AppendPrices', request);
}

/** Ends the price in force of a scope, subject and service tier; where none is, the next one to come. */
export async function revokePrice(world: World, fields: Fields): Promise<void> {
  const { admin } = world.instance;
  const owner = ownerOf(world, fields);
  const series = {
    scope: enumOf('PRICE_SCOPE', fields['scope']),
    subject: textOf(fields['subject']),
    service_tier: textOf(fields['service_tier']),
  };
  await admin.call('CatalogService/RevokePrice', {
    ...owner,
    ...series,
    revision: await revisionOf(world, owner, series),
    reason: textOf(fields['reason']),
  });
}

/** The revision that is meant; the first where there is none, for the service to refuse. */
async function revisionOf(world: World, owner: Json, series: Json): Promise<unknown> {
  const { clock, admin } = world.instance;
  const { scope, subject, service_tier: serviceTier } = series;
  const contains = String(subject).slice(0, 200);
  const request = { ...owner, page_size: 1000, contains };
  const { prices = [] } = await admin.call('CatalogService/ListPrices', request);
  const source = `CATALOG_SOURCE_${owner['platform'] === true ? 'PLATFORM' : 'OWN'}`;
  const startOf = (price: Json): number => Date.parse(String(price['effectiveTime']));
  const isOurs = (price: Json): boolean =>
    price['source'] === source &&
    price['scope'] === scope &&
    price['subject'] === subject &&
    price['serviceTier'] === serviceTier;
  const own = (prices as Json[])
    .filter((price) => isOurs(price) && price['revokeTime'] === undefined)
    .toSorted((a, b) => startOf(a) - startOf(b) || Number(a['revision']) - Number(b['revision']));
  const inForce = own.findLast((price) => startOf(price) <= clock.nowMs);
  return (inForce ?? own[0])?.['revision'] ?? 1;
}
