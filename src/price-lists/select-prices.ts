import type { PriceScope } from '../core/catalog.ts';
import { isSamePrice, isZero } from '../core/price.ts';
import { globMatches } from '../core/target.ts';
import { invalidFields } from '../platform/service-error.ts';
import type { FieldViolation } from '../platform/service-error.ts';
import type { Slices } from '../platform/slices.ts';
import type {
  PriceImport,
  PriceOffer,
  SkippedPrice,
  SkipReason,
} from '../policies/price-import.ts';
import type { ListedModel, PriceList, Skipped } from './price-list.ts';

/** Which prices of a list are meant, and what they are called here. */
export interface PriceSelection {
  readonly scope: Exclude<PriceScope, 'KEY'>;
  /** Anchored patterns of the list's providers; empty: all. */
  readonly providers: readonly string[];
  /** Anchored patterns of the names that the revisions would have; empty: all. */
  readonly models: readonly string[];
  /** By the list's provider, what it is called in the catalog. */
  readonly providerNames: ReadonlyMap<string, string>;
  readonly keepsPrefix: boolean;
  readonly includesFree: boolean;
}

const perTokens = 1_000_000n;

/** An entry of a list with the name that its revision would have. */
interface Named {
  readonly listed: ListedModel;
  readonly subject: string;
  readonly skipped: Skipped | undefined;
}

/**
 * Turns a list into the prices that an organization may import, and those that it cannot. FIELD_INVALID for a
 * pattern or a name that nothing in the list answers to: it is misspelt more often than meant.
 */
export async function selectPrices(
  list: PriceList,
  selection: PriceSelection,
  nameFault: (subject: string) => string | undefined,
  slices: Slices,
): Promise<PriceImport> {
  const wanted = createFilters(selection);
  const named: Named[] = [];
  for (const listed of list.models) {
    if (slices.isDue()) await slices.rest();
    const model = modelName(listed, selection);
    if (!wanted.has(listed.provider, model)) continue;
    const subject = subjectOf(listed, model, selection);
    const skipped = listed.skipped ?? skippedHere(listed, subject, selection, nameFault);
    named.push({ listed, subject, skipped });
  }
  wanted.refuseIdle();
  const priced = named.filter(({ skipped }) => skipped === undefined);
  const offers: PriceOffer[] = [];
  const skipped = named.flatMap((one) => (one.skipped ? [skippedPrice(one, one.skipped)] : []));
  const seriesOf = ({ subject, listed }: Named): string => `${subject} ${listed.serviceTier ?? ''}`;
  for (const rivals of Map.groupBy(priced, seriesOf).values()) {
    if (slices.isDue()) await slices.rest();
    const [first] = rivals;
    if (first === undefined) continue;
    if (rivals.every(({ listed }) => isSameListing(listed, first.listed))) {
      offers.push(...offersOf(first, selection.scope));
    } else {
      const some = rivals.slice(0, 10);
      const detail = some.map(({ listed }) => `${listed.provider} ${listed.model}`).join(', ');
      const ambiguous = skip('AMBIGUOUS', detail.slice(0, 200));
      skipped.push(...rivals.map((rival) => skippedPrice(rival, ambiguous)));
    }
  }
  return { source: list.source, offers, skipped };
}

/** The patterns and names of a selection, and which of them some entry has answered to. */
function createFilters({ providers, models, providerNames }: PriceSelection) {
  const idleProviders = new Set(providers.keys());
  const idleModels = new Set(models.keys());
  const idleNames = new Set(providerNames.keys());
  return {
    has(provider: string, model: string): boolean {
      idleNames.delete(provider);
      const isOfProvider = isWanted(providers, idleProviders, provider);
      return isWanted(models, idleModels, model) && isOfProvider;
    },
    refuseIdle(): void {
      const is = (what: string): string => `is no ${what} of the list`;
      const faults: readonly FieldViolation[] = [
        ...[...idleProviders].map((at) => ({
          field: `providers[${at}]`,
          description: is('provider'),
        })),
        ...[...idleModels].map((at) => ({ field: `models[${at}]`, description: is('model') })),
        ...[...idleNames].map((name) => ({
          field: 'provider_names',
          description: is(`provider ${name.slice(0, 64)}`),
        })),
      ];
      if (faults.length > 0) throw invalidFields(faults.slice(0, 16));
    },
  };
}

/** Whether a name answers to one of the patterns, or there are none; those it answers to are idle no more. */
function isWanted(patterns: readonly string[], idle: Set<number>, name: string): boolean {
  let isMatched = patterns.length === 0;
  for (const [index, pattern] of patterns.entries()) {
    if (isMatched && !idle.has(index)) continue;
    if (!globMatches(pattern, name)) continue;
    isMatched = true;
    idle.delete(index);
  }
  return isMatched;
}

/** The name without `<provider>/` before it; `vertex_ai/` goes before the models of `vertex_ai-anthropic`, too. */
function modelName({ provider, model }: ListedModel, { keepsPrefix }: PriceSelection): string {
  const end = model.indexOf('/');
  const prefix = model.slice(0, Math.max(end, 0));
  const isProvider = prefix !== '' && (provider === prefix || provider.startsWith(`${prefix}-`));
  return isProvider && !keepsPrefix ? model.slice(end + 1) : model;
}

function subjectOf(
  { provider }: ListedModel,
  model: string,
  { scope, providerNames }: PriceSelection,
): string {
  return scope === 'MODEL' ? model : `${providerNames.get(provider) ?? provider}:${model}`;
}

/** Why a price that can be read is not imported all the same. */
function skippedHere(
  listed: ListedModel,
  subject: string,
  { scope, includesFree }: PriceSelection,
  nameFault: (subject: string) => string | undefined,
): Skipped | undefined {
  const fault =
    scope === 'PROVIDER_MODEL' && !/^[^:]+:./.test(subject)
      ? 'must be <provider>:<model>'
      : nameFault(subject);
  if (fault !== undefined) return skip('NAME', fault);
  if (!listed.steps.every(isZero)) return undefined;
  // What costs something in another way is not free: per image, per search.
  if (listed.leftOut.length > 0) return skip('NO_PRICE', listed.leftOut.join(', '));
  return includesFree ? undefined : skip('FREE', 'all rates are 0');
}

function skip(reason: SkipReason, detail: string): Skipped {
  return { reason, detail };
}

function skippedPrice({ listed, subject }: Named, { reason, detail }: Skipped): SkippedPrice {
  const { provider, model, serviceTier } = listed;
  const named = { provider, model, leftOut: [], rounded: [] };
  return { listed: named, subject, serviceTier, reason, detail };
}

function offersOf({ listed, subject }: Named, scope: PriceScope): PriceOffer[] {
  const { provider, model, serviceTier, leftOut, rounded } = listed;
  return listed.steps.map(({ fromMs, rates }) => ({
    listed: { provider, model, leftOut, rounded },
    scope,
    subject,
    serviceTier,
    perTokens,
    rates,
    fromMs,
  }));
}

/** Whether two entries cost the same at every instant. */
function isSameListing(a: ListedModel, b: ListedModel): boolean {
  return (
    a.steps.length === b.steps.length &&
    a.steps.every(({ fromMs, rates }, index) => {
      const other = b.steps[index];
      return (
        other !== undefined &&
        fromMs === other.fromMs &&
        isSamePrice({ perTokens, rates }, { perTokens, rates: other.rates })
      );
    })
  );
}
