import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createMetricsText } from '../../src/admin/http/metrics-text.ts';
import { post, startAdminPlane } from '../support/admin-plane.ts';
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
  const counts = [...after.matchAll(/_seconds_count\{rpc="CreateUser",code="(\w+)"\} (\d+)/g)];
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
