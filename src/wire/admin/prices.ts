import { create } from '@bufbuild/protobuf';
import {
  CatalogSource,
  PriceSchema,
  PriceUnit,
  RatesSchema,
  RevokePriceResponseSchema,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { PriceScope } from '../../../gen/tollgate/v1/call_pb.ts';
import { formatUnitRate, formatUsd, parseUnitRate, parseUsd } from '../../core/amount.ts';
import { priceScopes } from '../../core/catalog.ts';
import type { PriceSeries, Rates } from '../../core/catalog.ts';
import type { NewPrice, RevokedPrice, StoredPrice } from '../../policies/stored-price.ts';
import { byCodeUnit } from '../../core/meter.ts';
import { isTooLong, readEnum, readInstant } from './fields.ts';
import { readAmount, readId, readServiceTier } from '../fields.ts';
import { timestampOf } from '../time.ts';
import { unitNameFault } from '../unit-name.ts';
import type { Violations } from '../violations.ts';

const scopes = priceScopes;
const units = ['PER_1K_TOKENS', 'PER_1M_TOKENS'] as const;
const maxRates = 8;
const maxUnitRates = 32;
const unitRate =
  'must be decimal USD with at most 15 decimals, without sign, exponent or separator';
const decimal = 'must be decimal USD with at most 9 decimals, without sign, exponent or separator';

/** Reads a price revision that is to be appended. */
export function priceFromMessage(
  violations: Violations,
  at: string,
  message: messages.Price,
  change: { readonly nowMs: number; readonly reason: string },
): NewPrice {
  const { scope, subject, serviceTier } = readPriceSubject(violations, at, message);
  const unit = readEnum(violations, `${at}.unit`, message.unit, units, undefined);
  const { rates } = message;
  if (rates.length === 0 || rates.length > maxRates) {
    violations.add(`${at}.rates`, `must have 1 to ${maxRates} entries`);
  }
  return {
    scope,
    subject,
    serviceTier,
    perTokens: unit === 'PER_1K_TOKENS' ? 1_000n : 1_000_000n,
    rates: rates.slice(0, maxRates).map((rate, index) => {
      const before = rates[index - 1]?.aboveInputTokens;
      return readRates(violations, `${at}.rates[${index}]`, rate, before);
    }),
    effectiveAtMs:
      readInstant(violations, `${at}.effective_time`, message.effectiveTime) ?? change.nowMs,
    reason: change.reason,
  };
}

/** Reads whose price is meant. */
export function readPriceSubject(
  violations: Violations,
  at: string,
  message: {
    readonly scope: number;
    readonly subject: string;
    readonly serviceTier?: string | undefined;
  },
): PriceSeries {
  const prefix = at === '' ? '' : `${at}.`;
  const scope = readEnum(violations, `${prefix}scope`, message.scope, scopes, undefined);
  const subject = readId(violations, `${prefix}subject`, message.subject);
  if (message.scope === PriceScope.KEY && !/^key:./.test(subject)) {
    violations.add(`${prefix}subject`, 'must be key:<id>');
  }
  if (scope === 'PROVIDER_MODEL' && !/^[^:]+:./.test(subject)) {
    violations.add(`${prefix}subject`, 'must be <provider>:<model>');
  }
  const serviceTier = readServiceTier(violations, `${prefix}service_tier`, message.serviceTier);
  return { scope, subject, serviceTier };
}

/** Reads which revision is meant. */
export function readPriceRevision(violations: Violations, field: string, revision: bigint): number {
  if (revision < 1n || revision > 2_147_483_647n) violations.add(field, 'must be 1 or more');
  return Number(revision);
}

function readRates(
  violations: Violations,
  at: string,
  message: messages.Rates,
  before: bigint | undefined,
): Rates {
  const { aboveInputTokens } = message;
  readAmount(violations, `${at}.above_input_tokens`, aboveInputTokens);
  const isOrdered = before === undefined ? aboveInputTokens === 0n : aboveInputTokens > before;
  if (!isOrdered) violations.add(`${at}.above_input_tokens`, 'must begin at 0 and ascend');
  const usd = (field: string, text: string): bigint => {
    const nanos = text === '' ? 0n : parseUsd(text);
    if (nanos === undefined) violations.add(`${at}.${field}`, decimal);
    return nanos ?? 0n;
  };
  const { cachedInput, cacheWrite, cacheWrite1h, reasoningOutput } = message;
  return {
    aboveInputTokens,
    input: usd('input', message.input),
    output: usd('output', message.output),
    cachedInput: cachedInput === undefined ? undefined : usd('cached_input', cachedInput),
    cacheWrite: cacheWrite === undefined ? undefined : usd('cache_write', cacheWrite),
    cacheWrite1h: cacheWrite1h === undefined ? undefined : usd('cache_write_1h', cacheWrite1h),
    reasoningOutput:
      reasoningOutput === undefined ? undefined : usd('reasoning_output', reasoningOutput),
    perRequest: usd('per_request', message.perRequest),
    units: readUnitRates(violations, `${at}.units`, message.units),
  };
}

function readUnitRates(
  violations: Violations,
  at: string,
  units: Readonly<Record<string, string>>,
): Rates['units'] {
  const entries = Object.entries(units);
  if (isTooLong(violations, at, entries, maxUnitRates)) return [];
  const read = entries.map(([name, text]) => {
    const fault = unitNameFault(name);
    if (fault !== undefined) violations.add(at, fault);
    const rate = parseUnitRate(text);
    if (rate === undefined) violations.add(fault === undefined ? `${at}[${name}]` : at, unitRate);
    return { name, rate: rate ?? 0n };
  });
  return read.toSorted((a, b) => byCodeUnit(a.name, b.name));
}

/** Writes a price revision as it is stored. */
export function priceToMessage(stored: StoredPrice): messages.Price {
  const { price, revokedAtMs } = stored;
  return create(PriceSchema, {
    scope: PriceScope[price.scope],
    subject: price.subject,
    ...(price.serviceTier === undefined ? {} : { serviceTier: price.serviceTier }),
    unit: PriceUnit[price.perTokens === 1_000n ? 'PER_1K_TOKENS' : 'PER_1M_TOKENS'],
    rates: price.rates.map(ratesToMessage),
    effectiveTime: timestampOf(price.effectiveAtMs),
    revision: BigInt(price.revision),
    reason: price.reason,
    createTime: timestampOf(stored.createdAtMs),
    ...(revokedAtMs === undefined ? {} : { revokeTime: timestampOf(revokedAtMs) }),
    revokeReason: stored.revokedReason ?? '',
    actor: stored.actor,
    source: CatalogSource[stored.source],
    revokeActor: stored.revokedBy ?? '',
  });
}

/** Writes a revision that has ended, and what is in force in its place. */
export function revokedPriceToMessage({
  price,
  inForce,
}: RevokedPrice): messages.RevokePriceResponse {
  return create(RevokePriceResponseSchema, {
    price: priceToMessage(price),
    ...(inForce === undefined ? {} : { inForce: priceToMessage(inForce) }),
  });
}

function ratesToMessage(rate: Rates): messages.Rates {
  const { cachedInput, cacheWrite, cacheWrite1h, reasoningOutput } = rate;
  return create(RatesSchema, {
    aboveInputTokens: rate.aboveInputTokens,
    input: formatUsd(rate.input),
    output: formatUsd(rate.output),
    perRequest: formatUsd(rate.perRequest),
    units: Object.fromEntries(rate.units.map((unit) => [unit.name, formatUnitRate(unit.rate)])),
    ...(cachedInput === undefined ? {} : { cachedInput: formatUsd(cachedInput) }),
    ...(cacheWrite === undefined ? {} : { cacheWrite: formatUsd(cacheWrite) }),
    ...(cacheWrite1h === undefined ? {} : { cacheWrite1h: formatUsd(cacheWrite1h) }),
    ...(reasoningOutput === undefined ? {} : { reasoningOutput: formatUsd(reasoningOutput) }),
  });
}
