import type { Json } from '../support/admin-plane.ts';
import {
  changeCases,
  each,
  enums,
  etagCases,
  idLists,
  ids,
  many,
  optionalIds,
  pageCases,
  texts,
  times,
} from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

const viewer = { role: 'ROLE_ORG_VIEWER', allOrgs: true };
const account = (more: Json): Json => ({ account: { id: 'one', grants: [viewer], ...more } });
const granted = (...grants: unknown[]): Json => account({ grants });
const names = ['', 'a b', 'ü', 'x'.repeat(254)];

const ofAccount: readonly Case[] = [
  ['account', {}],
  ...each('account.id', [...ids, 'tollgate'], (id) => account({ id })),
  ...each('account.display_name', texts(200), (displayName) => account({ displayName })),
  ...each('account.kind', enums, (kind) => account({ kind })),
  ...each('account.state', [...enums, 'ACCOUNT_STATE_REVOKED'], (state) => account({ state })),
  ['account.grants', granted()],
  ['account.grants', granted(...many(21).map(() => viewer))],
  ...each('account.grants[0].role', [...enums, 0], (role) => granted({ role, allOrgs: true })),
  ['account.grants[1].role', granted(viewer, viewer)],
  ['account.grants[1].role', granted(viewer, { role: 'ROLE_GATEWAY', allOrgs: true })],
  ['account.grants[0].org_ids', granted({ role: 'ROLE_GATEWAY' })],
  ['account.grants[0].org_ids', granted({ ...viewer, orgIds: ['acme'] })],
  ['account.grants[0].org_ids', granted({ role: 'ROLE_PLATFORM_ADMIN', orgIds: ['acme'] })],
  ...idLists('account.grants[0].org_ids', 1000, (orgIds) =>
    granted({ role: 'ROLE_GATEWAY', orgIds }),
  ).filter(([field]) => field !== 'account.grants[0].org_ids'),
  ['account.grants[0].org_ids[1]', granted({ role: 'ROLE_GATEWAY', orgIds: ['acme', 'nosuch'] })],
  ...each('account.certificate_names[0]', names, (name) => account({ certificateNames: [name] })),
  ['account.certificate_names[1]', account({ certificateNames: ['edge', 'edge'] })],
  ['account.certificate_names', account({ certificateNames: many(21) })],
  ...changeCases(account({})),
];

const secret = { accountId: 'one', id: '1' };
const secretIds = ['', '0', '-1', 'x', '1.5', '9999999999', ' 1'];
const past = '2020-01-01T00:00:00Z';
const overlaps = ['-1s', '7776001s', '1', 'soon', 5];
const ofSecret: readonly Case[] = [
  ...each('account_id', ids, (accountId) => ({ ...secret, accountId })),
  ...each('id', secretIds, (id) => ({ ...secret, id })),
  ...changeCases(secret),
  ...etagCases(secret),
];

/** Wrong requests about accounts and their secrets. */
export const accountCases: readonly [string, readonly Case[]][] = [
  // It has no field.
  ['AccessService/GetCaller', []],
  ['AccessService/CreateAccount', ofAccount],
  [
    'AccessService/UpdateAccount',
    [
      ['account', {}],
      ...each('account.display_name', texts(200), (displayName) => account({ displayName })),
      ...each('update_mask', ['etag,nosuch', 'id.x'], (updateMask) => ({
        ...account({}),
        updateMask,
      })),
      ...changeCases(account({})),
    ],
  ],
  ['AccessService/GetAccount', each('id', ids, (id) => ({ id }))],
  [
    'AccessService/RevokeAccount',
    [
      ...each('id', ids, (id) => ({ id })),
      ...changeCases({ id: 'one' }),
      ...etagCases({ id: 'one' }),
    ],
  ],
  [
    'AccessService/ListAccounts',
    [
      ...pageCases({}),
      ...each('contains', texts(200), (contains) => ({ contains })),
      ...each('org_id', optionalIds, (orgId) => ({ orgId })),
      ...each('role', enums, (role) => ({ role })),
    ],
  ],
  [
    'AccessService/CreateAccountSecret',
    [
      ['account_secret', {}],
      ...each('account_secret.account_id', ids, (accountId) => ({ accountSecret: { accountId } })),
      ...each('account_secret.expire_time', [...times, past], (expireTime) => ({
        accountSecret: { accountId: 'one', expireTime },
      })),
      ...changeCases({ accountSecret: { accountId: 'one' } }),
    ],
  ],
  [
    'AccessService/ListAccountSecrets',
    [
      ...pageCases({ accountId: 'one' }),
      ...each('account_id', ids, (accountId) => ({ accountId })),
    ],
  ],
  [
    'AccessService/RotateAccountSecret',
    [
      ...ofSecret,
      ...each('overlap', overlaps, (overlap) => ({ ...secret, overlap })),
      ...each('expire_time', [...times, past], (expireTime) => ({ ...secret, expireTime })),
    ],
  ],
  ['AccessService/RevokeAccountSecret', ofSecret],
];
