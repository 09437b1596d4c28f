import { ChannelCredentials, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import {
  Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import { readSettings } from '../../src/config.ts';
import { refusal } from '../support/data-server.ts';
import { createTestDatabase } from '../support/database.ts';
import { executeOn, withDatabase } from '../support/postgres-server.ts';

test('while the store is away calls are UNAVAILABLE and health says so; afterwards all is as before', async () => {
  const database = await createTestDatabase();
  const app = await createApp(
    readSettings({
      DATABASE_URL: database.url,
      TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
      TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
      TOLLGATE_DRAIN_WAIT: '0s',
      TOLLGATE_LOG_LEVEL: 'silent',
    }),
  );
  const client = createUnaryClient({
    address: `127.0.0.1:${app.dataPort}`,
    credentials: ChannelCredentials.createInsecure(),
    token: app.secrets?.gateway,
  });
  const health = async () => (await client.call(Health.method.check, {})).status;
  const check = { orgId: 'acme', target: 'gpt-4o-mini', subjects: { user: 'alice' } };
  const { pathname } = new URL(database.url);
  const name = pathname.slice(1);
  const serverUrl = withDatabase(database.url, 'postgres');
  expect(await health()).toBe(Serving.SERVING);
  await client.call(DecisionService.method.check, check);

  await executeOn(serverUrl, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  const sessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
  await executeOn(serverUrl, sessions);
  const error = await refusal(client.call(DecisionService.method.check, check));
  expect(status[error.code]).toBe('UNAVAILABLE');
  expect(errorDetails(error)).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  await expect.poll(health, { timeout: 10_000 }).toBe(Serving.NOT_SERVING);

  await executeOn(serverUrl, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await expect.poll(health, { timeout: 10_000 }).toBe(Serving.SERVING);
  await expect(client.call(DecisionService.method.check, check)).resolves.toBeDefined();
  client.close();
  await app.close();
  await database.drop();
});
