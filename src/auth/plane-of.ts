import type { Plane } from '../service/auth.ts';
import type { Role } from '../service/caller.ts';

/** The plane that each role opens. */
export const planeOf: Readonly<Record<Role, Plane>> = {
  gateway: 'data',
  checker: 'data',
  reporter: 'data',
  platform_admin: 'admin',
  org_admin: 'admin',
  org_viewer: 'admin',
};
