import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { post } from './admin-plane.ts';
import type { Answer, Json } from './admin-plane.ts';
import { createTestDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import { connectTo, testSettings } from './test-app.ts';

const { method } = DecisionService;

/** An app with an organization, a price and a budget, whose clock is moved by hand. */
export interface CallWorld {
  readonly app: App;
  readonly database: TestDatabase;
  readonly clock: { nowMs: number };
  /** Calls an admin RPC as the platform's administrator; must succeed. */
  admin(rpc: string, message: Json): Promise<Json>;
  /** The same, whatever it is answered. */
  ask(rpc: string, message: Json, secret?: string): Promise<Answer>;
  check(requestId: string, more?: object): Promise<string>;
  report(requestId: string, more?: object): Promise<void>;
  release(requestId: string): Promise<void>;
  extend(requestId: string, sequence: number, more?: object): Promise<string>;
  stop(): Promise<void>;
}

/** Starts one: `acme`, whose model `gpt` costs 1 USD for a million tokens. */
export async function startCallWorld(
  more: Readonly<Record<string, string>> = {},
): Promise<CallWorld> {
  const clock = { nowMs: Date.parse('2026-03-10T09:00:00Z') };
  const database = await createTestDatabase();
  const settings = testSettings(database.url, { TOLLGATE_EXAMPLE: 'false', ...more });
  const app = await createApp(settings, { clock: { nowMs: () => clock.nowMs } });
  const client = connectTo(app, app.secrets?.gateway);
  const url = `http://127.0.0.1:${app.adminPort}`;
  const ask: CallWorld['ask'] = (rpc, message, secret = app.secrets?.admin) =>
    post(url, rpc, JSON.stringify(message), secret);
  const admin: CallWorld['admin'] = async (rpc, message) => {
    const { code, body } = await ask(rpc, message);
    if (code !== 'OK') throw new Error(`${rpc}: ${JSON.stringify(body)}`);
    return body;
  };
  await admin('OrganizationService/CreateOrganization', { organization: { id: 'acme' } });
  await admin('CatalogService/CreateModel', { orgId: 'acme', model: { id: 'gpt' } });
  await admin('CatalogService/AppendPrices', {
    orgId: 'acme',
    prices: [
      {
        scope: 'PRICE_SCOPE_MODEL',
        subject: 'gpt',
        unit: 'PRICE_UNIT_PER_1M_TOKENS',
        rates: [{ input: '1', output: '1' }],
      },
    ],
  });
  return {
    app,
    database,
    clock,
    admin,
    ask,
    async check(requestId, said = {}) {
      const call = { orgId: 'acme', target: 'gpt', requestId, ...said };
      const { outcome } = await client.call(method.check, call);
      return outcome?.reasons.length === 0 ? 'ALLOW' : 'DENY';
    },
    async report(requestId, said = {}) {
      await client.call(method.report, {
        orgId: 'acme',
        requestId,
        usage: { inputTokens: 100n, outputTokens: 20n },
        ...said,
      });
    },
    async release(requestId) {
      await client.call(method.release, { orgId: 'acme', requestId });
    },
    async extend(requestId, sequence, said = {}) {
      const added = { outputTokens: 100n };
      const call = { orgId: 'acme', requestId, sequence, added, ...said };
      const { outcome } = await client.call(method.extend, call);
      return outcome?.reasons.length === 0 ? 'ALLOW' : 'DENY';
    },
    async stop() {
      client.close();
      await app.close();
      await database.drop();
    },
  };
}
