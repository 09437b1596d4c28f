import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createAdminClient } from '../../src/scenario/admin-client.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { connectTo, testSettings } from '../support/test-app.ts';

const { method } = DecisionService;
const clock = { nowMs: Date.parse('2026-03-10T09:00:00Z') };
let database: TestDatabase;
let app: App;
let client: UnaryClient;

beforeAll(async () => {
  database = await createTestDatabase();
  const settings = testSettings(database.url, { TOLLGATE_EXAMPLE: 'false' });
  app = await createApp(settings, { clock: { nowMs: () => clock.nowMs } });
  client = connectTo(app, app.secrets?.gateway);
});
afterAll(async () => {
  client.close();
  await app.close();
  await database.drop();
});

const admin = (rpc: string, message: object) =>
  createAdminClient(`http://127.0.0.1:${app.adminPort}`, app.secrets?.admin ?? '').call(rpc, {
    ...message,
  });

// Planted, and seen red each: the tier left out of a Report's row, of a row of an ended hold, and of the memory of calls;
// the catalog's provider not filled in.
test('the record says who served each call: as the Report says, else the Check, else the catalog', async () => {
  await admin('OrganizationService/CreateOrganization', { organization: { id: 'acme' } });
  await admin('CatalogService/CreateModel', {
    org_id: 'acme',
    model: { id: 'gpt', provider: 'openai' },
  });
  await admin('CatalogService/CreateModel', {
    org_id: 'acme',
    model: { id: 'mini', provider: 'groq' },
  });
  const call = { orgId: 'acme', target: 'gpt' };
  const asked = { provider: 'azure', serviceTier: 'flex' };
  const check = (requestId: string, more: object = {}) =>
    client.call(method.check, { ...call, requestId, ...more });
  const report = (requestId: string, more: object = {}) =>
    client.call(method.report, { orgId: 'acme', requestId, usage: { inputTokens: 1n }, ...more });

  await check('0 at once', { ...asked, settleNow: true });
  await check('1 plain');
  await report('1 plain');
  await check('2 as asked', asked);
  await report('2 as asked');
  await check('3 otherwise', asked);
  await report('3 otherwise', { provider: 'vertex', serviceTier: 'default' });
  await check('4 another target', asked);
  await report('4 another target', { target: 'mini' });
  await report('5 post-paid', { target: 'gpt', serviceTier: 'batch' });
  await report('6 nobody knows', { target: 'unheard-of' });
  await check('7 released', asked);
  await client.call(method.release, { orgId: 'acme', requestId: '7 released' });
  await report('7 released');
  await check('8 expired', asked);
  await check('9 expired');
  clock.nowMs += 700_000;
  await admin('EnforcementService/ExpireHolds', { org_id: 'acme' });
  await report('9 expired', { serviceTier: 'priority' });

  const { rows } = await database.pool.query<Record<string, string | null>>(
    'SELECT request_id, kind, provider, service_tier FROM usage ORDER BY request_id, recorded_at, id',
  );
  expect(rows.map((row) => Object.values(row))).toEqual([
    ['0 at once', 'CALL', 'azure', 'flex'],
    ['1 plain', 'CALL', 'openai', null],
    ['2 as asked', 'CALL', 'azure', 'flex'],
    ['3 otherwise', 'CALL', 'vertex', 'default'],
    ['4 another target', 'CALL', 'groq', 'flex'],
    ['5 post-paid', 'CALL', 'openai', 'batch'],
    ['6 nobody knows', 'CALL', null, null],
    ['7 released', 'CALL', 'azure', 'flex'],
    ['8 expired', 'EXPIRED', 'azure', 'flex'],
    ['9 expired', 'EXPIRED', 'openai', null],
    ['9 expired', 'CALL', 'openai', 'priority'],
  ]);
});
