import type { RatePart } from './rate-steps.ts';

/** What a number of `model_prices_and_context_window.json` prices, and the power of ten from USD to nano-USD. */
export interface ListedPart {
  readonly part: RatePart;
  readonly power: number;
}

/** From USD per token or unit to nano-USD per million of them; from USD per request to nano-USD. */
const each = 15;
const perThousand = 12;
const requestPower = 9;

const tokens: Readonly<Record<string, RatePart>> = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cachedInput',
  cache_creation_input_token_cost: 'cacheWrite',
  cache_creation_input_token_cost_above_1hr: 'cacheWrite1h',
  output_cost_per_reasoning_token: 'reasoningOutput',
};

/** Units by the key that prices them. A search has a price by the size of its context, if the list has several. */
const units: Readonly<Record<string, string>> = {
  output_cost_per_image: 'image',
  input_cost_per_image: 'input_image',
  input_cost_per_image_token: 'input_image_token',
  output_cost_per_image_token: 'output_image_token',
  input_cost_per_audio_token: 'input_audio_token',
  output_cost_per_audio_token: 'output_audio_token',
  cache_read_input_audio_token_cost: 'cached_audio_token',
  input_cost_per_audio_per_second: 'audio_second',
  input_cost_per_video_per_second: 'input_video_second',
  output_cost_per_video_per_second: 'video_second',
  web_search: 'web_search',
  web_search_low: 'web_search_low',
  web_search_medium: 'web_search_medium',
  web_search_high: 'web_search_high',
  input_cost_per_query: 'query',
  code_interpreter_cost_per_session: 'code_interpreter_session',
  ocr_cost_per_page: 'page',
  annotation_cost_per_page: 'annotated_page',
};

/** Keys that say something else in entries of a kind of calls, by its `mode`. */
const ofModes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  image_generation: { input_cost_per_image: 'image' },
  image_edit: { input_cost_per_image: 'image' },
  audio_transcription: { input_cost_per_second: 'audio_second' },
  audio_speech: { input_cost_per_character: 'character' },
  video_generation: { output_cost_per_second: 'video_second' },
};

/** What a key prices in an entry of a mode; undefined if a revision has no place for it. */
export function listedPart(key: string, mode: string): ListedPart | undefined {
  const part = own(tokens, key);
  if (part !== undefined) return { part, power: each };
  if (key === 'input_cost_per_request') return { part: 'perRequest', power: requestPower };
  if (key === 'file_search_cost_per_1k_calls')
    return { part: 'unit file_search', power: perThousand };
  const unit = own(own(ofModes, mode) ?? {}, key) ?? own(units, key);
  return unit === undefined ? undefined : { part: `unit ${unit}`, power: each };
}

/** The names in a list are strangers': `constructor` is none of ours. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
