/** Who calls, after authentication: which organizations it may act for, and how. */
export interface Caller {
  /** The name of the service token or admin secret; for the log. */
  readonly name: string;
  readonly role: 'gateway' | 'platform_admin' | 'org_admin' | 'org_viewer';
  /** Undefined: every organization. */
  readonly orgIds: ReadonlySet<string> | undefined;
}

/** Whether a caller may act for an organization. */
export function mayActFor(caller: Caller, orgId: string): boolean {
  return caller.orgIds === undefined || caller.orgIds.has(orgId);
}
