import type { Model, PriceRevision, Rates } from '../../core/catalog.ts';
import type { Organization } from '../../core/organization.ts';
import type { Limit, Policy } from '../../core/policy.ts';
import type { RecordKind, RecordOf } from '../policy-store.ts';

/** The form a value takes in a jsonb column: bigints are text, so that they stay exact. */
export type Doc<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Doc<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Doc<T[Key]> }
      : T;

/**
 * The form in which this release writes documents. Each stored document says its form, so that a release that changes
 * the form can read what the one before it wrote, and refuses to guess at one that it does not know.
 */
export const documentForm = 1;

/** A document as it is stored: a list stands in `items`, because a JSON array has no place for its form. */
export type StoredDoc<T> = T extends readonly (infer Item)[]
  ? { readonly form: number; readonly items: readonly Doc<Item>[] }
  : Doc<T> & { readonly form: number };

/** Writes a value for a jsonb column, with its form. */
export function encodeDoc(value: object): string {
  const doc = Array.isArray(value) ? { items: value } : value;
  return encodeValue({ form: documentForm, ...doc });
}

/** Writes a value as JSON with bigints as text, without a form: for parameters that are not stored as they are. */
export function encodeValue(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  );
}

/** Reads a jsonb column. Throws where this release does not know the form. */
export function openDoc<T extends object>(stored: StoredDoc<T>): Doc<T> {
  const { form, ...doc } = stored;
  if (form !== documentForm) {
    throw new Error(`a stored document has form ${form}; this release reads form ${documentForm}`);
  }
  // The column holds what `encodeDoc` wrote of a T.
  return ('items' in doc && Array.isArray(doc.items) ? doc.items : doc) as Doc<T>;
}

const decoders: { readonly [K in RecordKind]: (doc: Doc<RecordOf[K]>) => RecordOf[K] } = {
  team: (doc) => doc,
  user: (doc) => doc,
  principal: (doc) => doc,
  app: (doc) => doc,
  customer: (doc) => doc,
  key: (doc) => doc,
  token: (doc) => doc,
  model: decodeModel,
  route_group: (doc) => doc,
  model_group: (doc) => doc,
};

/** Reads an organization from its document. */
export function decodeOrganization(doc: Doc<Organization>): Organization {
  return { ...doc, defaultOutputTokens: BigInt(doc.defaultOutputTokens) };
}

/** Reads a record from its document. */
export function decodeRecord<K extends RecordKind>(kind: K, doc: Doc<RecordOf[K]>): RecordOf[K] {
  return decoders[kind](doc);
}

function decodeModel(doc: Doc<Model>): Model {
  return {
    ...doc,
    defaultOutputTokens: optionalBigInt(doc.defaultOutputTokens),
    contextWindow: optionalBigInt(doc.contextWindow),
  };
}

/** Reads a policy from its document. */
export function decodePolicy(doc: Doc<Policy>): Policy {
  return { ...doc, limits: doc.limits.map(decodeLimit) };
}

/** Reads a limit from its document. */
export function decodeLimit(doc: Doc<Limit>): Limit {
  return { ...doc, amount: optionalBigInt(doc.amount) };
}

/** Reads a price from its document. */
export function decodePrice(doc: Doc<PriceRevision>): PriceRevision {
  const perTokens = doc.perTokens === '1000' ? 1_000n : 1_000_000n;
  return { ...doc, perTokens, rates: doc.rates.map(decodeRates) };
}

function decodeRates(doc: Doc<Rates>): Rates {
  return {
    aboveInputTokens: BigInt(doc.aboveInputTokens),
    input: BigInt(doc.input),
    output: BigInt(doc.output),
    cachedInput: optionalBigInt(doc.cachedInput),
    cacheWrite: optionalBigInt(doc.cacheWrite),
    cacheWrite1h: optionalBigInt(doc.cacheWrite1h),
    reasoningOutput: optionalBigInt(doc.reasoningOutput),
    perRequest: BigInt(doc.perRequest),
    units: doc.units.map(({ name, rate }) => ({ name, rate: BigInt(rate) })),
  };
}

function optionalBigInt(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : BigInt(text);
}
