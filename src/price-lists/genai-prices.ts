import type { ConditionalPrice, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices';
import type { ListedModel, PriceList, PriceStep } from './price-list.ts';
import { isWholePrice, rateSteps } from './rate-steps.ts';
import type { ListedRate } from './rate-steps.ts';
import { boundedNames } from './bounded-names.ts';

/** Its keys that a revision has a place for, and what turns USD per its unit into the nano-USD of `ListedRate`. */
const parts: Readonly<Record<string, Pick<ListedRate, 'part' | 'power' | 'per'>>> = {
  input_mtok: { part: 'input', power: 9 },
  output_mtok: { part: 'output', power: 9 },
  cache_read_mtok: { part: 'cachedInput', power: 9 },
  cache_write_mtok: { part: 'cacheWrite', power: 9 },
  cache_write_1h_mtok: { part: 'cacheWrite1h', power: 9 },
  output_reasoning_mtok: { part: 'reasoningOutput', power: 9 },
  requests_kcount: { part: 'perRequest', power: 6 },
  web_searches_kcount: { part: 'unit web_search', power: 12 },
  storage_searches_kcount: { part: 'unit file_search', power: 12 },
  input_audio_mtok: { part: 'unit input_audio_token', power: 9 },
  output_audio_mtok: { part: 'unit output_audio_token', power: 9 },
  cache_audio_read_mtok: { part: 'unit cached_audio_token', power: 9 },
  input_image_mtok: { part: 'unit input_image_token', power: 9 },
  output_image_mtok: { part: 'unit output_image_token', power: 9 },
  cache_image_read_mtok: { part: 'unit cached_image_token', power: 9 },
  input_video_mtok: { part: 'unit input_video_token', power: 9 },
  output_video_mtok: { part: 'unit output_video_token', power: 9 },
  output_citation_mtok: { part: 'unit citation_token', power: 9 },
  audio_hours: { part: 'unit audio_second', power: 15, per: 3600n },
  input_audio_hours: { part: 'unit audio_second', power: 15, per: 3600n },
  input_document_kpages: { part: 'unit page', power: 12 },
  input_annotated_document_kpages: { part: 'unit annotated_page', power: 12 },
};

/** Reads the data of `@pydantic/genai-prices`: what holds at an instant, and what is announced for later. */
export function genaiPrices(
  source: string,
  providers: readonly Provider[],
  nowMs: number,
): PriceList {
  const models = providers.flatMap(({ id, models }) =>
    models.map((model) => listedModel(id, model, nowMs)),
  );
  return { source, models };
}

function listedModel(provider: string, { id: model, prices }: ModelInfo, nowMs: number) {
  const listed: ListedModel = {
    provider,
    model,
    serviceTier: undefined,
    steps: [],
    skipped: undefined,
    leftOut: [],
    rounded: [],
  };
  const dated = datedPrices(prices, nowMs);
  if (dated === undefined) {
    return { ...listed, skipped: { reason: 'TIME_OF_DAY', detail: 'time_of_date' } as const };
  }
  const steps: PriceStep[] = [];
  const leftOut = new Set<string>();
  const rounded = new Set<string>();
  for (const { fromMs, price } of dated) {
    const { known, unknown } = listedRates(price);
    for (const name of unknown) leftOut.add(name);
    if (!known.some(isWholePrice)) {
      const detail = boundedNames(unknown).join(', ') || 'no price';
      return { ...listed, skipped: { reason: 'NO_PRICE', detail } as const };
    }
    const read = rateSteps(known);
    if ('fault' in read) {
      return { ...listed, skipped: { reason: 'INVALID', detail: read.fault } as const };
    }
    for (const name of read.rounded) rounded.add(name);
    steps.push({ fromMs, rates: read.rates });
  }
  return { ...listed, steps, leftOut: boundedNames([...leftOut]), rounded: [...rounded] };
}

interface DatedPrice {
  readonly fromMs: number | undefined;
  readonly price: ModelPrice;
}

/** The price in force and those announced; undefined if the time of day decides. */
function datedPrices(
  prices: ModelInfo['prices'],
  nowMs: number,
): readonly DatedPrice[] | undefined {
  if (!Array.isArray(prices)) return [{ fromMs: undefined, price: prices }];
  const dated: { readonly startMs: number; readonly price: ModelPrice }[] = [];
  for (const conditional of prices) {
    const startMs = startOf(conditional);
    if (startMs === undefined) return undefined;
    dated.push({ startMs, price: conditional.prices });
  }
  // As the package itself has it: the last one that has begun holds, and where none has, the first.
  const inForce = dated.findLast(({ startMs }) => startMs <= nowMs) ?? dated[0];
  const announced = dated.filter((one) => one !== inForce && one.startMs > nowMs);
  return [
    ...(inForce === undefined ? [] : [{ fromMs: undefined, price: inForce.price }]),
    ...announced
      .toSorted((a, b) => a.startMs - b.startMs)
      .map(({ startMs, price }) => ({ fromMs: startMs, price })),
  ];
}

/** When a price begins; -Infinity without a constraint, undefined if it is not bound to a date. */
function startOf({ constraint }: ConditionalPrice): number | undefined {
  if (constraint === undefined) return -Infinity;
  if (constraint.type !== 'start_date') return undefined;
  const startMs = Date.parse(`${constraint.start_date}T00:00:00Z`);
  return Number.isNaN(startMs) ? undefined : startMs;
}

/**
 * The numbers of a price. The package holds them as JavaScript numbers; their shortest text is the decimal that
 * its authors wrote.
 */
function listedRates(price: ModelPrice): {
  readonly known: readonly ListedRate[];
  readonly unknown: readonly string[];
} {
  const known: ListedRate[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(price)) {
    if (value === undefined) continue;
    const steps =
      typeof value === 'number'
        ? [{ above: 0, usd: value }]
        : [
            { above: 0, usd: value.base },
            ...value.tiers.map(({ start, price: usd }) => ({ above: start, usd })),
          ];
    const of = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (of === undefined) {
      if (steps.some(({ usd }) => usd !== 0)) unknown.push(name);
      continue;
    }
    // 0 is written for a unit that nothing is known of, too.
    if (of.part.startsWith('unit ') && steps.every(({ usd }) => usd === 0)) continue;
    for (const { above, usd } of steps) {
      known.push({ name, ...of, above: BigInt(above), text: String(usd) });
    }
  }
  return { known, unknown };
}
