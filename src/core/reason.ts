/** Why a call is denied: one list, in order of precedence. The first that holds is *the* reason. */
export const reasons = [
  'CREDENTIAL_UNKNOWN',
  'CREDENTIAL_REVOKED',
  'CREDENTIAL_EXPIRED',
  'CREDENTIAL_DISABLED',
  'SCOPE_MISSING',
  'ORG_SUSPENDED',
  'TEAM_SUSPENDED',
  'USER_SUSPENDED',
  'SUBJECT_MISMATCH',
  'SUBJECT_UNKNOWN',
  'MODEL_UNKNOWN',
  'MODEL_DENIED',
  'MODEL_NOT_GRANTED',
  'MODEL_TIER',
  'MODEL_UNPRICED',
  'CONCURRENCY_EXCEEDED',
  'REQUESTS_EXCEEDED',
  'TOKENS_EXCEEDED',
  'COST_EXCEEDED',
] as const;

export type Reason = (typeof reasons)[number];
