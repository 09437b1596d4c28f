/** Methods of accounts: those are the platform's, and may act for several organizations. */
const ofAccounts = [
  'CreateAccount',
  'GetAccount',
  'UpdateAccount',
  'RevokeAccount',
  'CreateAccountSecret',
  'ListAccountSecrets',
  'RotateAccountSecret',
  'RevokeAccountSecret',
];

/** What a method or a record may lack or have otherwise, and why. One that is not needed any more is a fault too. */
export const exceptions: readonly { readonly fault: string; readonly because: string }[] = [
  ...ofAccounts.map((method) => ({
    fault: `${method}: lacks org_id`,
    because: "accounts are the platform's, and may act for several organizations",
  })),
  { fault: 'GetCaller: lacks org_id', because: 'it is about the caller' },
  { fault: 'GetCaller: names nothing', because: 'it is about the caller' },
  {
    fault: 'UpdateAccount: lacks allow_missing',
    because: 'who may call is not created by a mistyped id',
  },
  {
    fault: 'CreateOrganization: lacks org_id',
    because: 'its organization is not there yet; the id is in the message',
  },
  {
    fault: 'UpdateOrganization: lacks org_id',
    because: 'the id of the organization is in the message',
  },
  {
    fault: 'ListCatalogDeviations: lacks org_id',
    because: 'it is about all organizations',
  },
  { fault: 'ListOrganizations: lacks org_id', because: 'it lists all that the caller administers' },
  {
    fault: 'Organization: has no Delete or Revoke',
    because: 'its ledger would be without an owner; it is suspended, by its state',
  },
  {
    fault: 'Policy: has no Create',
    because: 'UpdatePolicy appends the first revision too',
  },
  {
    fault: 'UpdatePolicy: lacks allow_missing',
    because: 'it always appends, the first revision too; etag 0 asks that it be the first',
  },
  {
    fault: 'Policy: lacks create_time',
    because: 'its revision has it',
  },
  { fault: 'Policy: lacks update_time', because: 'a revision does not change' },
  {
    fault: 'UserPolicyForm: has no Create',
    because: 'UpdateUserPolicyForm appends the first revision too',
  },
  {
    fault: 'UserPolicyForm: has no Delete or Revoke',
    because: 'it is a part of a policy, which DeletePolicy deletes',
  },
  {
    fault: 'UpdateUserPolicyForm: lacks allow_missing',
    because: 'it always appends, the first revision too; etag 0 asks that it be the first',
  },
  { fault: 'UserPolicyForm: lacks create_time', because: 'the revision of the policy has it' },
  { fault: 'UserPolicyForm: lacks update_time', because: 'a revision does not change' },
  {
    fault: 'UpdateKey: lacks allow_missing',
    because: 'it would create a secret, which only CreateKey shows',
  },
  {
    fault: 'UpdateToken: lacks allow_missing',
    because: 'it would create a secret, which only CreateToken shows',
  },
  {
    fault: 'RevokePrice: lacks etag',
    because: 'a revision of a price does not change, but for its end',
  },
  {
    fault: 'RevokeRaise: lacks etag',
    because: 'a raise does not change, but for its end',
  },
  {
    fault: 'ExpireHolds: lacks reason',
    because: 'it starts a round of the sweep, which runs in any case, and changes no record',
  },
  { fault: 'ExpireHolds: lacks request_id', because: 'a repeat ends what is left' },
  {
    fault: 'ExpireHolds: lacks validate_only',
    because: 'it decides nothing that could be previewed',
  },
  { fault: 'BatchGetUsage: lacks ids', because: 'meters are named by their composed names' },
  {
    fault: 'BatchGetUsage: lacks missing_ids',
    because: 'a meter that nothing was counted on is all 0, and so is one that nobody knows',
  },
];

/** Fields that a record only answers: they are ignored when sent, so they need no presence. */
export const outputOnly: ReadonlySet<string> = new Set([
  'Key.last_four',
  'Token.last_four',
  'ModelGroup.model_count',
  'Model.source',
  'Model.replaces_platform',
  'RouteGroup.source',
  'RouteGroup.replaces_platform',
  'ModelGroup.source',
  'ModelGroup.replaces_platform',
  'UserPolicyForm.display_name',
  'Organization.team_count',
  'Organization.user_count',
  'Organization.key_count',
  'Team.member_count',
  'Team.child_count',
]);

/** Parts of records that are put whole, by name: UpdateLimit and UpdateLimits create a limit or replace it. */
export const wholeParts: ReadonlySet<string> = new Set(['Limit', 'Limits']);
