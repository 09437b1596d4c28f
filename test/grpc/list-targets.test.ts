import { expect, test } from 'vitest';
import { DecisionService, ListedTarget_Kind as Kind } from '../../gen/tollgate/v1/decision_pb.ts';
import { Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { ListedTarget } from '../../src/service/data-plane.ts';
import { startTestServer, stubDataPlane } from '../support/data-server.ts';

const { listTargets } = DecisionService.method;
const [model, group]: [ListedTarget, ListedTarget] = [
  { name: 'a', kind: 'MODEL', allowed: true, reasons: [] },
  { name: 'b', kind: 'ROUTE_GROUP', allowed: false, reasons: ['MODEL_DENIED', 'MODEL_UNPRICED'] },
];

// Planted: without the token in the answer, and without it in what is asked, it is red.
test('a client reads all pages by the token of each', async () => {
  const dataPlane = stubDataPlane({
    listTargets: ({ page: { size, token } }) =>
      Promise.resolve(
        token === 'second' && size === 7
          ? { items: [group], nextToken: undefined }
          : { items: [model], nextToken: 'second' },
      ),
  });
  await using served = await startTestServer({ dataPlane });
  const first = await served.client.call(listTargets, { orgId: 'acme', pageSize: 7 });
  expect(first).toMatchObject({
    targets: [{ name: 'a', kind: Kind.MODEL, allowed: true, reasons: [] }],
    nextPageToken: 'second',
  });
  const pageToken = first.nextPageToken;
  const last = await served.client.call(listTargets, { orgId: 'acme', pageSize: 7, pageToken });
  const reasons = [Reason.MODEL_DENIED, Reason.MODEL_UNPRICED];
  expect(last).toMatchObject({
    targets: [{ name: 'b', kind: Kind.ROUTE_GROUP, allowed: false, reasons }],
    nextPageToken: '',
  });
});
