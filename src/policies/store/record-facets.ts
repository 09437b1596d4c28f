import type { RecordKind, RecordOf } from '../policy-store.ts';

/** Kinds of records that are found by words and by facets; an organization may have a million of each. */
export type SearchedKind = 'team' | 'user' | 'principal' | 'app' | 'customer' | 'key' | 'token';

const searchedKinds: ReadonlySet<RecordKind> = new Set<SearchedKind>([
  'team',
  'user',
  'principal',
  'app',
  'customer',
  'key',
  'token',
]);

/** Whether records of a kind are found by words and facets. Entries of a catalog are few, and read one by one. */
export function isSearched(kind: RecordKind): kind is SearchedKind {
  return searchedKinds.has(kind);
}

/** The most words that a record is found by. */
const maxWords = 60;

/**
 * The words by which a record is found, each from its beginning: its id as a whole, the parts of its id, and the words of
 * its display name, with and without the punctuation inside of them.
 */
export function wordsOf({ id, displayName }: { id: string; displayName: string }): string[] {
  const name = folded(displayName);
  const words = [folded(id), ...parts(folded(id)), ...name.split(/\s+/u), ...parts(name)];
  return [...new Set(words.filter((word) => word !== ''))].slice(0, maxWords);
}

/** The words of a text that is searched for. */
export function termsOf(text: string): string[] {
  return [...new Set(folded(text).split(/\s+/u))].filter((term) => term !== '');
}

/** Without the difference of letter case, and of forms that look the same. */
function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

function parts(text: string): readonly string[] {
  return text.split(/[^\p{L}\p{N}\p{M}]+/u);
}

type FacetsOf = {
  readonly [K in SearchedKind]: (
    record: RecordOf[K],
  ) => Readonly<Record<string, string | readonly string[] | undefined>>;
};

const facets: FacetsOf = {
  team: ({ parent = '', state }) => ({ parent, state }),
  user: ({ teams, tier, state }) => ({ team: teams, tier, state }),
  principal: ({ kind, namespace, groups, app }) => ({ kind, namespace, group: groups, app }),
  app: () => ({}),
  customer: () => ({}),
  key: credentialFacets,
  token: credentialFacets,
};

function credentialFacets(credential: RecordOf['key']) {
  const { user, team, principal, app, customer, state, environment, namespace } = credential;
  return { user, team, principal, app, customer, state, environment, namespace };
}

/** What a record has in common with others of its kind, by which they are listed and counted: `tier=pro`. */
export function facetsOf<K extends SearchedKind>(kind: K, record: RecordOf[K]): string[] {
  const found: FacetsOf[K] = facets[kind];
  return Object.entries(found(record)).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => facetOf(name, one)),
  );
}

/** Writes a facet. */
export function facetOf(name: string, value: string): string {
  return `${name}=${value}`;
}
