import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CheckRequestSchema, ReportRequestSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import { post } from './admin-plane.ts';
import type { Answer, Json } from './admin-plane.ts';
import { createTestDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import { createGateway, gatewayToken, policyStoreOf } from './organization.ts';
import { connectTo, testSettings } from './test-app.ts';

const adminSecret = 'tg_admin_for_tests';

/** A whole server whose clock is moved by hand, with a gateway and an administrator. */
export interface BothPlanes {
  readonly database: TestDatabase;
  readonly store: PolicyStore;
  readonly clock: { nowMs: number };
  /** Of the admin plane, and of its administrator. */
  readonly url: string;
  readonly adminSecret: string;
  call(rpc: string, message: Json): Promise<Answer>;
  check(call: MessageInitShape<typeof CheckRequestSchema>): Promise<string>;
  report(call: MessageInitShape<typeof ReportRequestSchema>): Promise<bigint>;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startBothPlanes(now: string): Promise<BothPlanes> {
  const clock = { nowMs: Date.parse(now) };
  const database = await createTestDatabase();
  await createGateway(database.pool);
  const sha256 = secretSha256(adminSecret);
  await createPgAccessStore(database.pool).create(
    [{ name: 'ada', role: 'platform_admin', orgIds: undefined, sha256 }],
    'test',
  );
  // Nothing here tests deadlines, and the machine may be busy.
  const settings = testSettings(database.url, { TOLLGATE_RPC_TIMEOUT: '60s' });
  const app = await createApp(settings, { clock: { nowMs: () => clock.nowMs } });
  const client = connectTo(app, gatewayToken);
  const { check, report } = DecisionService.method;
  const url = `http://127.0.0.1:${app.adminPort}`;
  return {
    database,
    store: policyStoreOf(database.pool, () => clock.nowMs),
    clock,
    url,
    adminSecret,
    call: (rpc, message) => post(url, rpc, JSON.stringify(message), adminSecret),
    check: async (call) => {
      const { outcome } = await client.call(check, call);
      return String(outcome?.decision);
    },
    report: async (call) => (await client.call(report, call)).costNanos,
    async stop() {
      client.close();
      await app.close();
      await database.drop();
    },
  };
}
