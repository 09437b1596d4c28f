import type { Json } from '../support/admin-plane.ts';

/** One write: what must be there before, what it says, and where it names the etag that it depends on. */
export interface Write {
  readonly rpc: string;
  readonly before: readonly (readonly [rpc: string, message: Json])[];
  readonly message: Json;
  /** The message that carries the etag, or the request itself; undefined: it has none. */
  readonly etagIn: string | undefined;
  /** Entries in the audit trail; absent: one. */
  readonly entries?: number;
}

/** Stands for an account of its own for each write. */
export const ownAccount = 'OWN';
const account = { id: ownAccount, grants: [{ role: 'ROLE_ORG_VIEWER', allOrgs: true }] };
const created = ['AccessService/CreateAccount', { account }] as const;
const accountSecret = { accountId: ownAccount };
const withSecret = [created, ['AccessService/CreateAccountSecret', { accountSecret }]] as const;
/** The writes of accounts and their secrets. */
export const accountWrites: readonly Write[] = [
  { rpc: created[0], before: [], message: created[1], etagIn: undefined },
  {
    rpc: 'AccessService/UpdateAccount',
    before: [created],
    message: { account: { id: ownAccount, displayName: 'Two' } },
    etagIn: 'account',
  },
  {
    rpc: 'AccessService/RevokeAccount',
    before: withSecret,
    message: { id: ownAccount },
    etagIn: '',
  },
  {
    rpc: 'AccessService/CreateAccountSecret',
    before: [created],
    message: { accountSecret },
    etagIn: undefined,
  },
  {
    rpc: 'AccessService/RotateAccountSecret',
    before: withSecret,
    message: { ...accountSecret, id: '1' },
    etagIn: '',
    entries: 2,
  },
  {
    rpc: 'AccessService/RevokeAccountSecret',
    before: withSecret,
    message: { ...accountSecret, id: '1' },
    etagIn: '',
  },
];
