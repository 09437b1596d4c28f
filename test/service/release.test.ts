import { expect, test } from 'vitest';
import type { ReleaseCall } from '../../src/ledger/ledger.ts';
import { createRelease } from '../../src/service/release.ts';
import { anyGateway, serviceStage, storedCall } from '../support/service-stage.ts';
import { viewOf } from '../support/view.ts';

const input = { orgId: undefined, requestId: 'r1', credential: 'tg_key_1' };
const secrets = { tg_key_1: { orgId: 'acme', kind: 'key', id: 'k1' } } as const;

test('a hold is released in the organization of the credential, on the meters of its path', async () => {
  const meters: string[] = [];
  const ledger = {
    async release({ orgId, requestId, plan }: ReleaseCall) {
      expect([orgId, requestId]).toEqual(['acme', 'r1']);
      const stored = storedCall(viewOf({}), { user: 'alice' });
      meters.push(...(await plan(stored, 0)).meters.map(({ name }) => name));
      return { replayed: true };
    },
  };
  const release = createRelease(serviceStage({ secrets, ledger }));
  const answer = { orgId: 'acme', requestId: 'r1', replayed: true };
  expect(await release(input, anyGateway)).toEqual(answer);
  expect(meters.toSorted()).toEqual(['org', 'user:alice']);
});

// Seen red: without `assertMayActFor` in `findScope`, the ledger is asked.
test('without a known call or the right to it, the ledger is not asked', async () => {
  const unknown = createRelease(serviceStage({}));
  await expect(unknown(input, anyGateway)).rejects.toMatchObject({ reason: 'CALL_NOT_FOUND' });
  const caller = { ...anyGateway.caller, orgIds: new Set(['other']) };
  const forbidden = createRelease(serviceStage({ secrets }));
  await expect(forbidden(input, { ...anyGateway, caller })).rejects.toMatchObject({
    kind: 'PERMISSION_DENIED',
    reason: 'ORG_FORBIDDEN',
  });
});
