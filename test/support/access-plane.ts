import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import type { Access } from '../../src/service/auth.ts';
import type { Role } from '../../src/service/caller.ts';
import { startAdminPlane } from './admin-plane.ts';
import type { AdminPlane, Answer, Json } from './admin-plane.ts';
import { anyChange, plainOrganization } from './organization.ts';

/** An admin plane that lets in the accounts of its database: at first `root`, whose secret is `root`. */
export interface AccessPlane {
  readonly plane: AdminPlane;
  readonly access: Access;
  /** `AccessService/…`; a message and the secret of who sends it, by default root's. */
  call(rpc: string, message: Json, secret?: string): Promise<Answer>;
  /** As `call`, for what must be answered. */
  done(rpc: string, message: Json, secret?: string): Promise<Json>;
  /** Makes an account with one secret, which is its id. */
  let(id: string, role: Role, ...orgIds: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one with the organizations acme and globex. */
export async function startAccessPlane(): Promise<AccessPlane> {
  const found: { access?: ReturnType<typeof createPgAccess> } = {};
  const plane = await startAdminPlane({
    access: {
      authenticate: (...presented) => found.access?.authenticate(...presented),
      identify: (...presented) => found.access?.identify(...presented),
    },
  });
  const access = createPgAccess({ pool: plane.database.pool });
  found.access = access;
  for (const id of ['acme', 'globex']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
  const store = createPgAccessStore(plane.database.pool);
  const made = async (id: string, role: Role, ...orgIds: string[]): Promise<void> => {
    const organizations = orgIds.length === 0 ? undefined : orgIds;
    const entry = { name: id, role, orgIds: organizations, sha256: secretSha256(id) };
    await store.create([entry], 'test');
  };
  await made('root', 'platform_admin');
  const call = (rpc: string, message: Json, secret?: string): Promise<Answer> =>
    plane.call(`AccessService/${rpc}`, message, secret);
  return {
    plane,
    access,
    call,
    async done(rpc, message, secret) {
      const { code, body, reason } = await call(rpc, message, secret);
      if (code !== 'OK') throw new Error(`${rpc}: ${code} ${reason} ${JSON.stringify(body)}`);
      return body;
    },
    let: made,
    async stop() {
      access.close();
      await plane.stop();
    },
  };
}
