/** What is remarkable about a policy, though it is valid. Each says no more than it can prove. */
type FindingCode =
  | 'GRANT_NARROWS_NOTHING'
  | 'NOTHING_CALLABLE'
  | 'DENY_MATCHES_NOTHING'
  | 'TARGET_MATCHES_NOTHING'
  | 'LIMIT_NEVER_BINDS'
  | 'TEMPLATE_HIDDEN'
  | 'BYPASS_WITHOUT_END';

/** One finding, at a field of the policy such as `limits[2].targets[0]`. */
export interface PolicyFinding {
  readonly code: FindingCode;
  readonly field: string;
  /** For people. */
  readonly message: string;
}
