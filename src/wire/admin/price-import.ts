import { create } from '@bufbuild/protobuf';
import {
  ImportPricesResponseSchema,
  PriceImportChange,
  PriceImportSchema,
  PriceImportSkip,
} from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import { PriceScope } from '../../../gen/tollgate/v1/call_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/catalog_pb.ts';
import type { PriceSelection } from '../../price-lists/select-prices.ts';
import type { ImportedPrice, PriceImportAnswer } from '../../policies/stored-price.ts';
import { priceScopes } from '../../core/catalog.ts';
import { isTooLong, readEnum } from './fields.ts';
import { idFault } from '../fields.ts';
import { priceToMessage } from './prices.ts';
import type { Violations } from '../violations.ts';

const maxPatterns = 100;
const maxPatternLength = 200;
const maxNames = 100;

/** Reads which list is meant: the text of one, or undefined for the one that is built in. */
export function priceSourceFromMessage(
  violations: Violations,
  { source }: messages.ImportPricesRequest,
): string | undefined {
  if (source.case === 'modelPricesJson') {
    if (source.value === '') violations.add('model_prices_json', 'must not be empty');
    return source.value;
  }
  if (source.case === undefined) violations.add('source', 'expected built_in or model_prices_json');
  return undefined;
}

/** Reads which prices of a list are meant. */
export function priceSelectionFromMessage(
  violations: Violations,
  message: messages.ImportPricesRequest,
): PriceSelection {
  const scope = readEnum(violations, 'scope', message.scope, priceScopes, 'PROVIDER_MODEL');
  if (message.scope === PriceScope.KEY) {
    violations.add('scope', 'must be PROVIDER_MODEL or MODEL');
  }
  return {
    scope: scope === 'KEY' ? 'PROVIDER_MODEL' : scope,
    providers: readPatterns(violations, 'providers', message.providers),
    models: readPatterns(violations, 'models', message.models),
    providerNames: readNames(violations, message.providerNames),
    keepsPrefix: message.keepProviderPrefix,
    includesFree: message.includeFree,
  };
}

function readPatterns(
  violations: Violations,
  field: string,
  patterns: readonly string[],
): readonly string[] {
  if (isTooLong(violations, field, patterns, maxPatterns)) return [];
  for (const [index, pattern] of patterns.entries()) {
    const at = `${field}[${index}]`;
    if (pattern === '') violations.add(at, 'must not be empty');
    else if (pattern.length > maxPatternLength) {
      violations.add(at, `must have at most ${maxPatternLength} characters`);
    }
  }
  return patterns;
}

function readNames(
  violations: Violations,
  names: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const entries = Object.entries(names);
  if (isTooLong(violations, 'provider_names', entries, maxNames)) return new Map();
  for (const [, name] of entries) {
    const fault = idFault(name) ?? (name.includes(':') ? 'must not contain :' : undefined);
    if (fault !== undefined) violations.add('provider_names', fault);
  }
  return new Map(entries);
}

/** What is wrong with the subject of a price that a list would make, or undefined. */
export const priceSubjectFault = idFault;

/** Writes what an import does. */
export function priceImportToMessage(answer: PriceImportAnswer): messages.ImportPricesResponse {
  const { counts, items, source, nextToken = '' } = answer;
  return create(ImportPricesResponseSchema, {
    prices: items.map(importedToMessage),
    nextPageToken: nextToken,
    addedCount: counts.ADDED,
    changedCount: counts.CHANGED,
    skippedCount: counts.SKIPPED,
    sameCount: counts.SAME,
    source,
  });
}

function importedToMessage(imported: ImportedPrice): messages.PriceImport {
  const { change, listed, serviceTier } = imported;
  const { provider, model, leftOut, rounded } = listed;
  return create(PriceImportSchema, {
    change: PriceImportChange[change],
    provider,
    model,
    leftOut: [...leftOut],
    rounded: [...rounded],
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(imported.change === 'SKIPPED'
      ? { skipped: PriceImportSkip[imported.reason], detail: imported.detail }
      : {
          price: priceToMessage(imported.price),
          ...(imported.before === undefined ? {} : { before: priceToMessage(imported.before) }),
        }),
  });
}
