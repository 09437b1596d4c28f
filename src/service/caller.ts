/** What an account may be: the first three call the data plane, the others the admin plane. */
export const roles = [
  'gateway',
  'checker',
  'reporter',
  'org_viewer',
  'org_admin',
  'platform_admin',
] as const;

/** The role of an account. */
export type Role = (typeof roles)[number];

/** Whether a role opens the data plane; the others open the admin plane. */
export function isOfDataPlane(role: Role): boolean {
  return role === 'gateway' || role === 'checker' || role === 'reporter';
}

/** Who makes one call, after authentication, and for which organizations it may make this call. */
export interface Caller {
  /** The name of its account; for the log, and the actor of what it changes. */
  readonly name: string;
  /** Those of its roles that allow the call. */
  readonly roles: readonly Role[];
  /** Undefined: every organization. */
  readonly orgIds: ReadonlySet<string> | undefined;
  /** Those of them for which it has another role than org_viewer. Undefined: every organization. */
  readonly administeredOrgIds: ReadonlySet<string> | undefined;
  /** Whether it may make this call for the platform, without naming an organization. */
  readonly isForPlatform: boolean;
}

/** Whether a caller may act for an organization. */
export function mayActFor(caller: Caller, orgId: string): boolean {
  return caller.orgIds === undefined || caller.orgIds.has(orgId);
}
