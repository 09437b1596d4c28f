import { expect, test } from 'vitest';
import type { ExtendCall } from '../../src/ledger/ledger.ts';
import { createExtend } from '../../src/service/extend.ts';
import { decidedAtMs } from '../support/decide.ts';
import { anyGateway, serviceStage, storedCall } from '../support/service-stage.ts';
import { estimateOf, viewOf } from '../support/view.ts';

const limits = [{ name: 'cap', metric: 'OUTPUT_TOKENS', amount: 100n }] as const;

// Seen red: planned with the cached epoch always, the limit of epoch 2 is missing.
test('an Extend asks the present limits for what is added', async () => {
  const planned: string[][] = [];
  const ledger = {
    async extend({ plan, ...call }: ExtendCall) {
      expect(call).toMatchObject({ orgId: 'acme', requestId: 'r1', sequence: 1, ttlMs: 60_000 });
      const stored = storedCall(viewOf({}), { user: 'alice', input: 10n, output: 10n });
      for (const epoch of [0, 2]) {
        const made = await plan(stored, decidedAtMs, epoch);
        planned.push(made.limits.map(({ limit }) => limit.name));
        expect(made.asks.OUTPUT_TOKENS).toBe(7n);
      }
      return { outcome: { decision: 'ALLOW' } as never, replayed: false };
    },
  };
  const newer = { policies: { org: { limits } } };
  const extend = createExtend(serviceStage({ newer, ledger }));
  const added = estimateOf({ output: 7n });
  const input = { orgId: 'acme', requestId: 'r1', credential: undefined, sequence: 1, added };
  expect(await extend({ ...input, ttlMs: 60_000 }, anyGateway)).toMatchObject({
    orgId: 'acme',
    requestId: 'r1',
    degraded: false,
    replayed: false,
  });
  expect(planned).toEqual([[], ['cap']]);
});
