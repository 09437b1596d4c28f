import { expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { createExplain } from '../../src/service/explain.ts';
import { decidedAtMs } from '../support/decide.ts';
import { anyGateway, inputOf, serviceStage } from '../support/service-stage.ts';

// Seen red: without `cancelled` in the limits, the signal does not reach the ledger.
test('an Explain reads until the deadline, and until its caller is gone', async () => {
  const gone = new AbortController();
  const explain: Ledger['explain'] = async (orgId, plan, limits) => {
    expect(orgId).toBe('acme');
    expect((await plan(0, decidedAtMs)).reasons).toEqual(['USER_SUSPENDED']);
    expect(limits).toEqual({ deadlineMs: anyGateway.deadlineMs, cancelled: gone.signal });
    return { decision: 'DENY' } as never;
  };
  const cached = {
    organization: { unpriced: 'ZERO' as const },
    users: [{ id: 'alice', state: 'SUSPENDED' as const }],
  };
  const context = { ...anyGateway, cancelled: () => gone.signal };
  const answer = await createExplain(serviceStage({ cached, ledger: { explain } }))(
    inputOf({ user: 'alice' }),
    context,
  );
  expect(answer).toMatchObject({ requestId: '', degraded: false, outcome: { decision: 'DENY' } });
});

test('an unknown credential without an organization is explained without the ledger', async () => {
  const input = inputOf({}, { orgId: undefined, credential: 'tg_key_unknown' });
  expect(await createExplain(serviceStage({}))(input, anyGateway)).toMatchObject({
    orgId: '',
    outcome: { decision: 'DENY', reasons: ['CREDENTIAL_UNKNOWN'] },
  });
});
