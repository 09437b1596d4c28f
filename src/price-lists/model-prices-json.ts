import { createHash } from 'node:crypto';
import { invalidFields } from '../platform/service-error.ts';
import type { Slices } from '../platform/slices.ts';
import type { SkipReason } from '../policies/price-import.ts';
import { jsonMembers } from './json-members.ts';
import type { JsonMember } from './json-members.ts';
import { boundedNames } from './bounded-names.ts';
import { modelRates } from './model-rates.ts';
import type { ModelRates } from './model-rates.ts';
import type { ListedModel, PriceList } from './price-list.ts';
import { isWholePrice, rateSteps } from './rate-steps.ts';
import { isObject, parseWritten } from './written-json.ts';
import type { WrittenObject } from './written-json.ts';

/** Kinds of calls that are priced by tokens, requests and units. */
const textModes = [
  'chat',
  'completion',
  'responses',
  'embedding',
  'rerank',
  'moderation',
  'search',
];
const mediaModes = ['image_generation', 'image_edit', 'video_generation', 'ocr', 'realtime'];
const soundModes = ['audio_transcription', 'audio_speech'];
const modes: ReadonlySet<string> = new Set([...textModes, ...mediaModes, ...soundModes]);
/** An entry that explains the form. */
const example = 'sample_spec';
const field = 'model_prices_json';

/** The most entries of a list, and the longest entry and name: those that are published have a third of it. */
const maxEntries = 10_000;
const maxEntryLength = 32 * 1024;
const maxNameLength = 256;

/**
 * Reads the form of `model_prices_and_context_window.json`: an object of models by name, each an object with its
 * prices in USD per token. FIELD_INVALID if the text is not that, or longer than any such list. A model that is
 * there twice is listed twice.
 */
export async function modelPricesJson(text: string, slices: Slices): Promise<PriceList> {
  const digest = createHash('sha256').update(text).digest('hex');
  const models: ListedModel[] = [];
  for (const { name, value } of membersOf(text)) {
    if (name === example) continue;
    if (models.length >= maxEntries) throw notTheForm(`must have at most ${maxEntries} entries`);
    models.push(...listedModels(name, entryOf(name, value)));
    if (slices.isDue()) await slices.rest();
  }
  return { source: `sha256:${digest}`, models };
}

function* membersOf(text: string): Generator<JsonMember> {
  if (/^\s*[[\dntf"-]/.test(text)) throw notTheForm('the text must be an object');
  try {
    yield* jsonMembers(text);
  } catch (cause) {
    throw cause instanceof SyntaxError ? notJson(cause) : cause;
  }
}

function entryOf(name: string, text: string): WrittenObject {
  const shown = JSON.stringify(name.slice(0, 200));
  if (name.length > maxNameLength) {
    throw notTheForm(`${shown} must have at most ${maxNameLength} characters`);
  }
  if (text.length > maxEntryLength) {
    throw notTheForm(`the entry of ${shown} must have at most ${maxEntryLength} characters`);
  }
  const entry = parsed(text);
  if (!isObject(entry)) throw notTheForm(`${shown} must be an object`);
  return entry;
}

function parsed(text: string): unknown {
  try {
    return parseWritten(text);
  } catch (cause) {
    throw notJson(cause);
  }
}

function notJson(cause: unknown): ReturnType<typeof invalidFields> {
  const why = cause instanceof Error ? cause.message : 'it cannot be read';
  return notTheForm(`is not JSON: ${why.slice(0, 120)}`);
}

function notTheForm(description: string): ReturnType<typeof invalidFields> {
  return invalidFields([{ field, description }]);
}

/** One for the entry itself, and one for each service tier that it has prices of. */
function listedModels(model: string, entry: WrittenObject): ListedModel[] {
  const { litellm_provider: named, mode = '', off_peak_pricing: offPeak } = entry;
  const provider = typeof named === 'string' ? named.slice(0, maxNameLength) : '';
  const plain = { provider, model, serviceTier: undefined };
  if (typeof mode !== 'string' || (mode !== '' && !modes.has(mode))) {
    return [skippedModel(plain, 'MODE', typeof mode === 'string' ? mode : 'mode')];
  }
  if (isObject(offPeak)) return [skippedModel(plain, 'TIME_OF_DAY', 'off_peak_pricing')];
  const { serviceTiers, fault, ...rates } = modelRates(entry, mode);
  if (fault !== undefined) return [skippedModel(plain, 'INVALID', fault)];
  return [
    pricedModel(plain, rates),
    ...[...serviceTiers].map(([tier, own]) => pricedModel({ ...plain, serviceTier: tier }, own)),
  ];
}

type ModelName = Pick<ListedModel, 'provider' | 'model' | 'serviceTier'>;

function pricedModel(
  name: ModelName,
  { known, unknown }: Pick<ModelRates, 'known' | 'unknown'>,
): ListedModel {
  const leftOut = boundedNames(unknown);
  if (!known.some(isWholePrice)) {
    return skippedModel(name, 'NO_PRICE', leftOut.join(', ') || 'no price');
  }
  const read = rateSteps(known);
  if ('fault' in read) return skippedModel(name, 'INVALID', read.fault);
  const steps = [{ fromMs: undefined, rates: read.rates }];
  return { ...name, skipped: undefined, steps, leftOut, rounded: read.rounded };
}

function skippedModel(name: ModelName, reason: SkipReason, detail: string): ListedModel {
  const skipped = { reason, detail: detail.slice(0, 200) };
  return { ...name, steps: [], skipped, leftOut: [], rounded: [] };
}
