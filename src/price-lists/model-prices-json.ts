import { createHash } from 'node:crypto';
import { invalidFields } from '../platform/service-error.ts';
import type { SkipReason } from '../policies/price-import.ts';
import { modelRates } from './model-rates.ts';
import type { ListedModel, PriceList } from './price-list.ts';
import { isWholePrice, rateSteps } from './rate-steps.ts';
import { isObject, parseWritten } from './written-json.ts';
import type { WrittenObject } from './written-json.ts';

/** Kinds of calls that are text in, and text, numbers or a verdict out. */
const modes = ['chat', 'completion', 'responses', 'embedding', 'rerank', 'moderation'];
/** An entry that explains the form. */
const example = 'sample_spec';
const field = 'model_prices_json';

/**
 * Reads the form of `model_prices_and_context_window.json`: an object of models by name, each an object with its
 * prices in USD per token. FIELD_INVALID if the text is not that.
 */
export function modelPricesJson(text: string): PriceList {
  const digest = createHash('sha256').update(text).digest('hex');
  const models = Object.entries(objectOf(parsed(text), 'the text')).flatMap(([name, entry]) =>
    name === example ? [] : [listedModel(name, objectOf(entry, JSON.stringify(name)))],
  );
  return { source: `sha256:${digest}`, models };
}

function parsed(text: string): unknown {
  try {
    return parseWritten(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read';
    throw notTheForm(`is not JSON: ${why.slice(0, 120)}`);
  }
}

function objectOf(value: unknown, what: string): WrittenObject {
  if (isObject(value)) return value;
  throw notTheForm(`${what.slice(0, 220)} must be an object`);
}

function notTheForm(description: string): ReturnType<typeof invalidFields> {
  return invalidFields([{ field, description }]);
}

function listedModel(model: string, entry: WrittenObject): ListedModel {
  const { litellm_provider: named, mode, off_peak_pricing: offPeak } = entry;
  const provider = typeof named === 'string' ? named : '';
  const listed = { provider, model, skipped: undefined, leftOut: [], rounded: [] };
  const skip = (reason: SkipReason, detail: string): ListedModel => ({
    ...listed,
    steps: [],
    skipped: { reason, detail: detail.slice(0, 200) },
  });
  if (typeof mode === 'string' && !modes.includes(mode)) return skip('MODE', mode);
  if (isObject(offPeak)) return skip('TIME_OF_DAY', 'off_peak_pricing');
  const { known, unknown, fault } = modelRates(entry);
  if (fault !== undefined) return skip('INVALID', fault);
  if (!known.some(isWholePrice)) return skip('NO_TOKEN_PRICE', unknown.join(', ') || 'no price');
  const read = rateSteps(known);
  if ('fault' in read) return skip('INVALID', read.fault);
  return {
    ...listed,
    steps: [{ fromMs: undefined, rates: read.rates }],
    leftOut: unknown,
    rounded: read.rounded,
  };
}
