import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { createMetricsHandler } from '../../src/admin/http/metrics-handler.ts';
import { createMetricsText } from '../../src/admin/http/metrics-text.ts';
import { readSettings } from '../../src/config.ts';
import { createRpcMetrics } from '../../src/platform/rpc-metrics.ts';
import { post, startAdminPlane } from '../support/admin-plane.ts';
import { createTestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

test('calls are counted and timed by method and code, in seconds, without ids', async () => {
  const gate = Promise.withResolvers<number>();
  const arrived = Promise.withResolvers<void>();
  const plane = await startAdminPlane({
    expireHolds: () => {
      arrived.resolve();
      return gate.promise;
    },
  });
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
  const read = async () => (await fetch(`${plane.url}/metrics`)).text();
  const underWay = plane.call('EnforcementService/ExpireHolds', {});
  await arrived.promise;
  const during = await read();
  gate.resolve(0);
  await underWay;
  const user = { orgId: 'acme', user: { id: 'alice' } };
  for (const _ of [1, 2]) await plane.call('DirectoryService/CreateUser', user);
  await plane.call('DirectoryService/CreateUser', user, 'viewer');
  await post(plane.url, 'DirectoryService/CreateUser', '{}', undefined);
  const after = await read();
  await plane.stop();
  expect(during).toContain('tollgate_rpc_in_flight{rpc="ExpireHolds"} 1');
  expect(after).toContain('tollgate_rpc_in_flight{rpc="ExpireHolds"} 0');
  const counts = [...after.matchAll(/_answered_total\{rpc="CreateUser",code="(\w+)"\} (\d+)/g)];
  expect(Object.fromEntries(counts.map(([, code, count]) => [code, count]))).toEqual({
    OK: '1',
    ALREADY_EXISTS: '1',
    PERMISSION_DENIED: '1',
    UNAUTHENTICATED: '1',
  });
  expect(after).not.toMatch(/acme|alice|root/);
});

// Red before: each reader had the registry rendered for itself, 10 ms of the thread that decides.
test('many readers of the metrics cost one rendering, and the next second another', async () => {
  const registry = new Registry();
  let rendered = 0;
  const collect = (): void => void (rendered += 1);
  registry.registerMetric(
    new Gauge({ name: 'tollgate_probe', help: 'Counts renderings.', registers: [], collect }),
  );
  let nowMs = 0;
  const text = createMetricsText(registry, { maxAgeMs: 1000, nowMs: () => nowMs });
  const texts = await Promise.all([text(), text(), text()]);
  nowMs = 999;
  await text();
  expect([new Set(texts).size, rendered]).toEqual([1, 1]);
  nowMs = 1000;
  await text();
  expect(rendered).toBe(2);
});

const token = 'a-token-of-the-readers';
const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

// Planted: without the comparison, any token is good.
test('with a token, the metrics are answered to those who present it', async () => {
  const registry = new Registry();
  const metrics = createMetricsHandler({ registry, token, maxAgeMs: 0, lingerMs: 1000 });
  const plane = await startAdminPlane({ metrics });
  const url = `${plane.url}/metrics`;
  const answers = await Promise.all([
    fetch(url),
    fetch(url, bearer('root')),
    fetch(url, bearer(`${token}.`)),
    fetch(url, bearer(token)),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 200]);
  expect(answers[0]?.headers.get('www-authenticate')).toBe('Bearer');
  await plane.stop();
});

// Planted: an admin port that keeps the path answers nothing there.
test('with a port of their own, the metrics are answered there, and nothing else is', async () => {
  const database = await createTestDatabase();
  const app = await createApp(
    readSettings({
      DATABASE_URL: database.url,
      TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
      TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
      TOLLGATE_METRICS_LISTEN: '127.0.0.1:0',
      TOLLGATE_METRICS_TOKEN: token,
      TOLLGATE_LOG_LEVEL: 'silent',
    }),
  );
  const of = async (port: number | undefined, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, bearer(token));
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    return [answer.status, (await answer.text()).includes('tollgate_connections')];
  };
  expect(await of(app.metricsPort, '/metrics')).toEqual([200, true]);
  expect(await of(app.adminPort, '/metrics')).toEqual([404, false]);
  expect(await of(app.metricsPort, '/healthz')).toEqual([404, false]);
  expect(await of(app.adminPort, '/healthz')).toEqual([200, false]);
  await app.close(0);
  await database.drop();
});

const rpcs = Array.from({ length: 67 }, (_, index) => `LongNameOfAnRpcNumber${index}`);
const codes = Array.from({ length: 16 }, (_, index) => `LONG_NAME_OF_CODE_${index}`);

// Planted: with a histogram by code, as before, it is 1.1 MB.
test('the metrics of calls stay small, however calls end', async () => {
  const registry = new Registry();
  const metrics = createRpcMetrics(registry);
  for (const rpc of rpcs) {
    for (const code of codes) {
      metrics.started(rpc);
      metrics.ended(rpc, code, 1);
    }
  }
  expect((await registry.metrics()).length).toBeLessThan(200_000);
});
