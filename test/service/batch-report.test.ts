import { expect, test } from 'vitest';
import type { Policies } from '../../src/policies/policies.ts';
import { createBatchReport } from '../../src/service/batch-report.ts';
import type { BatchItem } from '../../src/service/data-plane.ts';
import { anyGateway, serviceStage } from '../support/service-stage.ts';

const options = { maxQueue: 128, monotonicMs: () => 200 };
const batchReport = createBatchReport({ ...serviceStage({}), ...options });

/** Reports that wait until they are let go, and what was started of them. */
function heldReports(requestIds: readonly string[]) {
  const started: string[] = [];
  const waiting: (() => void)[] = [];
  const reports = requestIds.map((requestId, index): BatchItem => {
    const report = () =>
      new Promise<void>((resolve) => {
        started.push(`${requestId}/${index}`);
        waiting.push(resolve);
      });
    return { requestId, report };
  });
  return { reports, started, letGo: () => waiting.shift()?.() };
}

// Seen red: without the grouping, both reports of `a` are started at once.
test('reports of one request id go one after another, in their order', async () => {
  const { reports, started, letGo } = heldReports(['a', 'a', 'b']);
  const done = batchReport({ orgId: 'acme', reports }, anyGateway);
  await expect.poll(() => started).toEqual(['a/0', 'b/2']);
  letGo();
  await expect.poll(() => started).toEqual(['a/0', 'b/2', 'a/1']);
  letGo();
  letGo();
  await done;
});

// Seen red: with the whole queue in place of its sixteenth, 20 are under way.
test('a batch takes at most its share of the queue', async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
  const { reports, started, letGo } = heldReports(ids);
  const done = batchReport({ orgId: 'acme', reports }, anyGateway);
  await expect.poll(() => started.length).toBe(4);
  for (let at = 5; at <= ids.length; at += 1) {
    letGo();
    await expect.poll(() => started.length).toBe(at);
  }
  for (const _ of ids) letGo();
  await done;
});

// Seen red: with the whole time for the reports.
test('the last eighth of the time is kept for the answer', async () => {
  const deadlines: (number | undefined)[] = [];
  const report: BatchItem['report'] = ({ deadlineMs }) => {
    deadlines.push(deadlineMs);
    return Promise.resolve();
  };
  const reports = [{ requestId: 'a', report }];
  await batchReport({ orgId: 'acme', reports }, { ...anyGateway, deadlineMs: 1000 });
  await batchReport({ orgId: 'acme', reports }, { ...anyGateway, deadlineMs: undefined });
  expect(deadlines).toEqual([900, undefined]);
});

// Seen red, by its time limit: where reports are started whatever the time, the batch waits for the others.
test('a report that was not reached in time is not started', async () => {
  let nowMs = 200;
  const timed = createBatchReport({ ...serviceStage({}), ...options, monotonicMs: () => nowMs });
  const { reports, started, letGo } = heldReports(Array.from({ length: 20 }, (_, at) => `r${at}`));
  const done = timed({ orgId: 'acme', reports }, { ...anyGateway, deadlineMs: 1000 });
  await expect.poll(() => started.length).toBe(4);
  nowMs = 900;
  for (let at = 0; at < 20; at += 1) letGo();
  await done;
  expect(started).toHaveLength(4);
});

/*
 * Seen red, a planted fault each: no bound, so that the fifth batch waited (by the time limit); places that are not given back; places
 * that an organization takes before it is known to exist.
 */
test('an organization has 4,096 reports of batches under way, and more are refused at once', async () => {
  const { policies } = serviceStage({});
  const view: Policies['view'] = (orgId, ...how) =>
    orgId === 'nosuch' ? Promise.resolve(undefined) : policies.view(orgId, ...how);
  const parts = { policies: { ...policies, view }, ...options, maxQueue: 16_384 };
  const gated = createBatchReport(parts);
  const send = (orgId: string, count: number, until: Promise<void>): Promise<void> => {
    const reports = Array.from({ length: count }, (_, at) => `r${at}`).map((requestId) => ({
      requestId,
      report: () => until,
    }));
    return gated({ orgId, reports }, anyGateway);
  };
  const over = { reason: 'OVERLOADED', retryAfterMs: 1000 };
  const held = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const batches = held.map(({ promise }) => send('acme', 1000, promise));
  await expect(send('acme', 97, Promise.resolve())).rejects.toMatchObject(over);
  const unknown = Array.from({ length: 40 }, () => send('nosuch', 1000, Promise.resolve()));
  const outcomes = await Promise.allSettled(unknown);
  const refused = outcomes.map((one) => (one.status === 'rejected' ? one.reason : undefined));
  expect(refused).toEqual(
    unknown.map(() => expect.objectContaining({ reason: 'ORGANIZATION_NOT_FOUND' })),
  );
  held[0]?.resolve();
  await batches[0];
  const next = send('acme', 1000, Promise.resolve());
  for (const { resolve } of held) resolve();
  await expect(Promise.all([...batches, next])).resolves.toHaveLength(5);
});

test('a batch of a wrong organization is refused as a whole, and no report is tried', async () => {
  const { reports, started } = heldReports(['a']);
  const caller = { ...anyGateway.caller, orgIds: new Set(['other']) };
  const forbidden = batchReport({ orgId: 'acme', reports }, { ...anyGateway, caller });
  await expect(forbidden).rejects.toMatchObject({ reason: 'ORG_FORBIDDEN' });
  const unknown = batchReport({ orgId: 'nosuch', reports }, anyGateway);
  await expect(unknown).rejects.toMatchObject({ reason: 'ORGANIZATION_NOT_FOUND' });
  expect(started).toEqual([]);
});
