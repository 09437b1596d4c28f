import { expect, test } from 'vitest';
import type { CheckCall } from '../../src/ledger/ledger.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
import { createCheck } from '../../src/service/check.ts';
import type { CheckInput } from '../../src/service/data-plane.ts';
import { decidedAtMs } from '../support/decide.ts';
import { anyGateway, inputOf, serviceStage } from '../support/service-stage.ts';
import type { SaidCall } from '../support/view.ts';

const allowed = {
  outcome: { decision: 'ALLOW' } as never,
  replayed: false,
  holdState: 'OPEN',
} as const;

function checkInput(call: SaidCall, more: Partial<CheckInput> = {}): CheckInput {
  const absent = { requestId: undefined, ttlMs: undefined, parentRequestId: undefined };
  return { ...inputOf(call), ...absent, ...more };
}

test('a call without a request id gets one, and its hold lasts ten minutes', async () => {
  const calls: CheckCall[] = [];
  const ledger = {
    check: (call: CheckCall) => {
      calls.push(call);
      return Promise.resolve(allowed);
    },
  };
  const check = createCheck(serviceStage({ ledger }));
  const { requestId, orgId, degraded } = await check(checkInput({}), anyGateway);
  expect({ orgId, degraded }).toEqual({ orgId: 'acme', degraded: false });
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(calls).toMatchObject([{ requestId, ttlMs: 600_000, deadlineMs: anyGateway.deadlineMs }]);
});

// Seen red: without the branch that answers unknown credentials, the ledger is asked.
test('an unknown credential is denied without the ledger', async () => {
  const check = createCheck(serviceStage({}));
  const { outcome } = await check(checkInput({}, { credential: 'tg_key_unknown' }), anyGateway);
  expect(outcome).toMatchObject({ decision: 'DENY', reasons: ['CREDENTIAL_UNKNOWN'] });
  const nowhere = checkInput({}, { orgId: undefined, credential: 'tg_key_unknown' });
  expect(await check(nowhere, anyGateway)).toMatchObject({
    orgId: '',
    outcome: { decision: 'DENY', reasons: ['CREDENTIAL_UNKNOWN'], heldCost: 0n },
    holdState: undefined,
  });
});

// Seen red: without the look at the newest epoch, the key of a moment ago is unknown.
test('a key that the cache does not know yet is looked for in the newest policies', async () => {
  const asked: number[] = [];
  const ledger = {
    async check(call: CheckCall) {
      asked.push((await call.plan(0, decidedAtMs)).epoch);
      return allowed;
    },
  };
  const check = createCheck(serviceStage({ newer: { keys: [{ id: 'k1' }] }, ledger }));
  await check(checkInput({ key: 'k1' }), anyGateway);
  expect(asked).toEqual([2]);
});

test('the ledger gets a plan of the epoch that it asks for', async () => {
  const epochs: number[] = [];
  const ledger = {
    async check(call: CheckCall) {
      epochs.push((await call.plan(0, decidedAtMs)).epoch, (await call.plan(2, decidedAtMs)).epoch);
      return allowed;
    },
  };
  await createCheck(serviceStage({ newer: {}, ledger }))(checkInput({}), anyGateway);
  expect(epochs).toEqual([1, 2]);
});

// Seen red: without the look at `untilMs`, the first plan is given again.
test('the ledger gets another plan when the first one is out of date by time', async () => {
  const expires = decidedAtMs + 1000;
  const cached = { keys: [{ id: 'k1', expiresAtMs: expires }] };
  const reasons: (readonly string[])[] = [];
  const ledger = {
    async check(call: CheckCall) {
      reasons.push((await call.plan(0, decidedAtMs)).reasons);
      reasons.push((await call.plan(0, expires)).reasons);
      return allowed;
    },
  };
  await createCheck(serviceStage({ cached, ledger }))(checkInput({ key: 'k1' }), anyGateway);
  expect(reasons[0]).not.toContain('CREDENTIAL_EXPIRED');
  expect(reasons[1]).toContain('CREDENTIAL_EXPIRED');
});

const failures = [
  new ServiceError('STORE_UNAVAILABLE', 'away', { retryAfterMs: 100 }),
  new ServiceError('STORE_BUSY', 'busy', { retryAfterMs: 100 }),
  new ServiceError('SERVER_STOPPING', 'stopping', { retryAfterMs: 0 }),
  new Error('a fault of ours'),
];
// Seen red: `isStoreFailure` that accepts every UNAVAILABLE lets calls pass while the server stops.
test.each(failures)(
  'on_store_failure = ALLOW opens for a store that is away alone: %s',
  async (cause) => {
    const cached = {
      organization: { onStoreFailure: 'ALLOW' as const, unpriced: 'ZERO' as const },
    };
    const stage = serviceStage({ cached, ledger: { check: () => Promise.reject(cause) } });
    let degraded = 0;
    const check = createCheck({ ...stage, onDegraded: () => (degraded += 1) });
    const answer = check(checkInput({}), anyGateway);
    if (cause === failures[0]) {
      expect(await answer).toMatchObject({
        degraded: true,
        holdState: undefined,
        outcome: { decision: 'ALLOW', heldCost: 0n, heldInput: 0n, heldOutput: 0n },
      });
    } else await expect(answer).rejects.toBe(cause);
    expect(degraded).toBe(cause === failures[0] ? 1 : 0);
  },
);
