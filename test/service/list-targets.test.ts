import { expect, test } from 'vitest';
import { createListTargets } from '../../src/service/list-targets.ts';
import { anyGateway, inputOf, serviceStage } from '../support/service-stage.ts';

const cached = { models: [{ id: 'gpt-4o' }, { id: 'o1' }] };
const prices = [{ subject: 'gpt-4o' }, { subject: 'o1' }];

// Seen red: with the cached view, o1 is allowed.
test('targets are listed as the newest policies say, each with its reasons', async () => {
  const newer = { ...cached, prices, policies: { org: { access: { deny: ['o1'] } } } };
  const listTargets = createListTargets(serviceStage({ cached: { ...cached, prices }, newer }));
  expect(await listTargets(inputOf({}), anyGateway)).toEqual([
    { name: 'gpt-4o', kind: 'MODEL', allowed: true, reasons: [] },
    { name: 'o1', kind: 'MODEL', allowed: false, reasons: ['MODEL_DENIED'] },
  ]);
});

test('an unknown credential without an organization may call nothing', async () => {
  const input = inputOf({}, { orgId: undefined, credential: 'tg_key_unknown' });
  expect(await createListTargets(serviceStage({ cached }))(input, anyGateway)).toEqual([]);
});

test('an organization that does not exist is NOT_FOUND', async () => {
  const listTargets = createListTargets(serviceStage({ cached }));
  await expect(listTargets(inputOf({}, { orgId: 'nosuch' }), anyGateway)).rejects.toMatchObject({
    reason: 'ORGANIZATION_NOT_FOUND',
  });
});
