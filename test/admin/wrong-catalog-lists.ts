import type { Json } from '../support/admin-plane.ts';
import { each, enums, ids, optionalIds, orgCases, pageCases } from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

const acme = { orgId: 'acme' };

/** The field that says that the platform is meant: no boolean, or beside an organization. */
const platformCases = (rest: Json): Case[] => [
  ...each('platform', ['yes', 7], (platform) => ({ ...rest, platform })),
  ['org_id', { ...acme, ...rest, platform: true }],
];

/** Wrong requests of methods that may mean the platform; their other fields are in tables of their own. */
export const ofPlatform: readonly (readonly [string, readonly Case[]])[] = [
  ['CatalogService/GetModel', platformCases({ id: 'one' })],
  ['CatalogService/CreateModel', platformCases({ model: { id: 'one' } })],
  ['CatalogService/UpdateModelGroup', platformCases({ modelGroup: { id: 'one' } })],
  ['CatalogService/DeleteRouteGroup', platformCases({ id: 'one' })],
  ['CatalogService/ImportPrices', platformCases({ builtIn: {} })],
  ['HistoryService/ListRevisions', platformCases({})],
];

/** Wrong requests for the lists of a catalog that are not of one kind of record. */
export const catalogLists: readonly [string, Case[]][] = [
  [
    'CatalogService/ListPrices',
    [
      ...pageCases(acme),
      ...orgCases({}),
      ...platformCases({}),
      ...each('scope', enums, (scope) => ({ ...acme, scope })),
      ...each('subject', optionalIds, (subject) => ({ ...acme, subject })),
      ...each('state', enums, (state) => ({ ...acme, state })),
      ...each('source', enums, (source) => ({ ...acme, source })),
    ],
  ],
  [
    'CatalogService/ListModelUses',
    [
      ...pageCases({ ...acme, id: 'm' }),
      ...orgCases({ id: 'm' }),
      ...platformCases({ id: 'm' }),
      ...each('id', ids, (id) => ({ ...acme, id })),
    ],
  ],
  [
    'CatalogService/ListCatalogDeviations',
    [...pageCases({}), ...each('name', optionalIds, (name) => ({ name }))],
  ],
];
