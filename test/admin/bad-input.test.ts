import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

import { callCases } from './wrong-calls.ts';
import { limitTable } from './wrong-limits.ts';
import { limit, policy, policyCases, subjects } from './wrong-policies.ts';
import { accountCases } from './wrong-accounts.ts';
import { auditCases } from './wrong-audit.ts';
import { priceImportCases } from './wrong-price-imports.ts';
import { priceCases, serviceTiers } from './wrong-prices.ts';
import { raiseCases } from './wrong-raises.ts';
import { catalogLists, ofPlatform } from './wrong-catalog-lists.ts';
import { records, settings } from './wrong-records.ts';
import { userPolicyFormCases } from './wrong-user-policy-forms.ts';
import {
  adjustUsageCases,
  batchGetUsageCases,
  exportUsageCases,
  listHoldsCases,
  listLimitUsageCases,
  listTierUsageCases,
  priceCallCases,
  queryUsageCases,
  resetUsageCases,
  span,
} from './wrong-usage.ts';
import {
  ids,
  enums,
  each,
  changeCases,
  etagCases,
  pageCases,
  orgCases,
  optionalIds,
} from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

let plane: AdminPlane;
let before = '';
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
  before = await everything();
});
afterAll(() => plane.stop());

/** What a wrong request must leave as it is: the log has a row for every change. */
async function everything(): Promise<string> {
  const { rows } = await plane.database.pool.query('SELECT org_id, epoch FROM audit_entry');
  return JSON.stringify(rows);
}

const wrongMeters = ['', 'x', 'user:', 'team:red/team:blue', 'user:a@', 'user:a b', 'user:a\u0000'];
const revokedPrice = { scope: 'PRICE_SCOPE_MODEL', subject: 'm', revision: 1 };
const table: readonly [string, readonly Case[]][] = [
  ...accountCases,
  ...records,
  ['DirectoryService/ListTiers', [...orgCases({}), ...pageCases({ orgId: 'acme' })]],
  ['OrganizationService/CreateOrganization', settings],
  ['OrganizationService/UpdateOrganization', settings],
  ['OrganizationService/GetOrganization', orgCases({})],
  ['OrganizationService/ListOrganizations', pageCases({})],
  ...['RevokeKey', 'RevokeToken'].map((rpc): [string, Case[]] => [
    `CredentialService/${rpc}`,
    [
      ...orgCases({ id: 'one' }),
      ...each('id', ids, (id) => ({ orgId: 'acme', id })),
      ...changeCases({ orgId: 'acme', id: 'one' }),
      ...etagCases({ orgId: 'acme', id: 'one' }),
    ],
  ]),
  ['PolicyService/UpdatePolicy', policyCases],
  [
    'PolicyService/GetPolicy',
    [
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject })),
      ...each('revision', ['0', '-1', '2147483648', 'x'], (revision) => ({
        orgId: 'acme',
        subject: 'org',
        revision,
      })),
    ],
  ],
  ['PolicyService/ListPolicies', pageCases({ orgId: 'acme' })],
  [
    'PolicyService/ListPolicyRevisions',
    [
      ...pageCases({ orgId: 'acme', subject: 'org' }),
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject })),
    ],
  ],
  [
    'PolicyService/RevokeLimit',
    [
      ...changeCases({ orgId: 'acme', subject: 'org', name: 'cap' }),
      ...etagCases({ orgId: 'acme', subject: 'org', name: 'cap' }),
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject, name: 'cap' })),
      ...each('name', ids, (name) => ({ orgId: 'acme', subject: 'org', name })),
    ],
  ],
  ...userPolicyFormCases,
  ...raiseCases,
  ...limitTable,
  ['CatalogService/AppendPrices', priceCases],
  ['CatalogService/ImportPrices', priceImportCases],
  ...[
    ...['Team', 'User', 'Principal', 'App', 'Customer'].map(
      (kind) => `DirectoryService/Delete${kind}`,
    ),
    ...['Model', 'RouteGroup', 'ModelGroup'].map((kind) => `CatalogService/Delete${kind}`),
  ].map((rpc): [string, Case[]] => [
    rpc,
    [
      ...orgCases({ id: 'one' }),
      ...each('id', ids, (id) => ({ orgId: 'acme', id })),
      ...changeCases({ orgId: 'acme', id: 'one' }),
      ...etagCases({ orgId: 'acme', id: 'one' }),
    ],
  ]),
  [
    'PolicyService/DeletePolicy',
    [
      ...orgCases({ subject: 'org' }),
      ...changeCases({ orgId: 'acme', subject: 'org' }),
      ...etagCases({ orgId: 'acme', subject: 'org' }),
      ...each('subject', subjects, (subject) => ({ orgId: 'acme', subject })),
    ],
  ],
  ...catalogLists,
  [
    'CatalogService/RevokePrice',
    [
      ...orgCases({ ...revokedPrice }),
      ...changeCases({ orgId: 'acme', ...revokedPrice }),
      ...each('scope', enums, (scope) => ({ orgId: 'acme', ...revokedPrice, scope })),
      ...each('subject', ids, (subject) => ({ orgId: 'acme', ...revokedPrice, subject })),
      ...each('service_tier', serviceTiers, (serviceTier) => ({
        orgId: 'acme',
        ...revokedPrice,
        serviceTier,
      })),
      ...each('revision', [undefined, 0, -1, 2_147_483_648], (revision) => ({
        orgId: 'acme',
        ...revokedPrice,
        revision,
      })),
    ],
  ],
  [
    'UsageService/GetUsage',
    [
      ...orgCases({ meter: 'org', window: 'WINDOW_DAY' }),
      ...each('meter', wrongMeters, (meter) => ({ orgId: 'acme', meter, window: 'WINDOW_DAY' })),
      ...each('window', [...enums, 0], (window) => ({ orgId: 'acme', meter: 'org', window })),
    ],
  ],
  ['UsageService/QueryUsage', queryUsageCases],
  ['UsageService/BatchGetUsage', batchGetUsageCases],
  ['UsageService/ListHolds', listHoldsCases],
  ['UsageService/PriceCall', priceCallCases],
  ['UsageService/ExportUsage', exportUsageCases],
  ['UsageService/AdjustUsage', adjustUsageCases],
  ['UsageService/ResetUsage', resetUsageCases],
  ['UsageService/ListLimitUsage', listLimitUsageCases],
  ['UsageService/ListTierUsage', listTierUsageCases],
  ...callCases,
  [
    'HistoryService/ListRevisions',
    [
      ...orgCases({}),
      ...pageCases({ orgId: 'acme' }),
      ...pageCases({ orgId: 'acme', kind: 'RECORD_KIND_USER', id: 'alice' }),
      ...each(
        'kind',
        [...enums, 'RECORD_KIND_POLICY', 'RECORD_KIND_PRICE', 'RECORD_KIND_RAISE'],
        (kind) => ({
          orgId: 'acme',
          kind,
          id: 'one',
        }),
      ),
      ...each('kind', ['alice', 'a b'], (id) => ({ orgId: 'acme', id })),
      ...each('id', ids, (id) => ({ orgId: 'acme', kind: 'RECORD_KIND_USER', id })),
      ...each('id', optionalIds, (id) => ({ orgId: 'acme', kind: 'RECORD_KIND_ORGANIZATION', id })),
    ],
  ],
  ...auditCases,
  ['EnforcementService/ExpireHolds', each('org_id', ids, (orgId) => ({ orgId }))],
];

// Planted: without `readId` in the revocation of credentials, its two rows are NOT_FOUND for an empty id.
describe('every wrong field is named, and nothing is written', () => {
  test.each([...table, ...ofPlatform])('%s', async (rpc, cases) => {
    for (const [field, message] of cases) {
      const answer = await plane.call(rpc, message);
      const said = [answer.code, answer.reason, answer.fields];
      const sent = JSON.stringify(message).slice(0, 400);
      expect(said, sent).toEqual(['INVALID_ARGUMENT', 'FIELD_INVALID', [field]]);
    }
    expect(await everything()).toBe(before);
  });
});

test('no RPC is left out', async () => {
  const all = (await adminServices()).flatMap(({ name, methods }) =>
    methods.map((method) => `${name}/${method.name}`),
  );
  expect(table.map(([rpc]) => rpc).toSorted()).toEqual(all.toSorted());
});

test('several faults are named together', async () => {
  const { fields } = await plane.call('PolicyService/UpdatePolicy', {
    ...policy('galaxy:1', { limits: [{ ...limit, name: '', amount: '-1' }, limit, limit] }),
    reason: 'x'.repeat(1001),
  });
  expect(fields).toEqual([
    'reason',
    'policy.subject',
    'policy.limits[0].name',
    'policy.limits[0].amount',
    'policy.limits[2].name',
  ]);
});

test('unknown organizations are NOT_FOUND, whatever is asked of them', async () => {
  const orgId = 'nowhere';
  const subject = 'org';
  const reads: readonly [string, Json][] = [
    ['OrganizationService/GetOrganization', {}],
    ['DirectoryService/ListUsers', {}],
    ['DirectoryService/GetUser', { id: 'alice' }],
    ['DirectoryService/CreateUser', { user: { id: 'alice' } }],
    ['CredentialService/CreateKey', { key: { id: 'k' } }],
    ['PolicyService/UpdatePolicy', { policy: { subject } }],
    ['PolicyService/GetPolicy', { subject }],
    ['PolicyService/ListPolicies', {}],
    ['CatalogService/ListPrices', {}],
    ['RaiseService/ListRaises', {}],
    ['RaiseService/GetRaise', { id: 'one' }],
    ['RaiseService/RevokeRaise', { id: 'one', reason: 'because' }],
    ['HistoryService/ListRevisions', {}],
    ['UsageService/GetUsage', { meter: 'org', window: 'WINDOW_DAY' }],
    ['UsageService/BatchGetUsage', { meters: ['org'], window: 'WINDOW_DAY' }],
    ['UsageService/ListLimitUsage', {}],
    ['UsageService/ListHolds', {}],
    ['UsageService/PriceCall', { target: 'm', usage: {} }],
    ['UsageService/AdjustUsage', { reason: 'test', subjects: {}, costNanos: '1' }],
    ['UsageService/ResetUsage', { reason: 'test', meter: 'org', window: 'WINDOW_DAY' }],
    ['UsageService/ListTierUsage', { window: 'WINDOW_DAY' }],
    ['UsageService/ExportUsage', span],
    ['UsageService/QueryUsage', span],
    ['EnforcementService/ListEvents', {}],
    ['EnforcementService/CountEvents', {}],
    ['CallService/GetCall', { id: 'r1' }],
    ['CallService/ListCalls', {}],
    ['CallService/WatchCalls', {}],
    ['CallService/ExplainCall', { target: 'm' }],
  ];
  for (const [rpc, message] of reads) {
    const { code, reason } = await plane.call(rpc, { orgId, ...message });
    expect([rpc, code, reason]).toEqual([rpc, 'NOT_FOUND', 'ORGANIZATION_NOT_FOUND']);
  }
});

test('texts are as long as is said, in characters and not in their halves', async () => {
  const rpc = 'OrganizationService/UpdateOrganization';
  const send = (count: number) =>
    plane.call(rpc, {
      organization: { id: 'acme' },
      reason: '\u{1f512}'.repeat(count),
      validateOnly: true,
    });
  expect([(await send(1000)).code, (await send(1001)).fields]).toEqual(['OK', ['reason']]);
});

test('amounts at the edge of int64 are kept to the last digit', async () => {
  const limits = [
    { ...limit, amount: '9223372036.854775807' },
    { ...limit, name: 'b', metric: 'METRIC_TOKENS', amount: '9223372036854775807' },
    { ...limit, name: 'c', metric: 'METRIC_TOKENS', amount: '9007199254740993' },
    { name: 'd', metric: 'METRIC_COST', window: 'WINDOW_DAY', unlimited: {} },
  ];
  const { body } = await plane.call('PolicyService/UpdatePolicy', policy('user:alice', { limits }));
  const { policy: stored } = body['revision'] as { policy: { limits: readonly Json[] } };
  const bounds = (of: readonly Json[]) =>
    of.map(({ amount, unlimited }) => ({ amount, unlimited }));
  expect(bounds(stored.limits)).toEqual(bounds(limits));
});
