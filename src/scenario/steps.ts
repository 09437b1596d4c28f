import { formatUsd } from '../core/amount.ts';
import { outcomeAnswer, priceRevisionText } from './answers.ts';
import type { Answer } from './answers.ts';
import { check, explain, extend, listTargets, parallel, release, report } from './call-steps.ts';
import { durationMs, instantMs } from './duration.ts';
import type { Fields } from './form.ts';
import { deletePolicy, putPolicy, revokeLimit } from './policy-steps.ts';
import { putRaise, raises, revokeRaise } from './raise-steps.ts';
import { events, revisions, traces, usage } from './readings.ts';
import { putPrice, revokePrice } from './price-steps.ts';
import {
  deletableKinds,
  deleteRecord,
  putOrganization,
  putRecord,
  recordCalls,
  revokeCredential,
} from './records.ts';
import { textOf } from './values.ts';
import type { World } from './world.ts';

/** Plays one step: what was answered, in the terms of a scenario. Fails with a Refusal for an error answer. */
export type PlayStep = (world: World, fields: Fields) => Promise<Answer>;

/** What must come of a step of a kind although no file says it: an explanation changes nothing. */
export const alwaysExpected: Readonly<Record<string, Fields>> = { explain: { changed: null } };

/** By the step's kind. */
export const playStep: Readonly<Record<string, PlayStep>> = {
  async check(world, fields) {
    const answer = await check(world, fields);
    return outcomeAnswer(answer.outcome, answer);
  },
  async explain(world, fields) {
    const before = await traces(world);
    const { outcome } = await explain(world, fields);
    const after = await traces(world);
    return { ...outcomeAnswer(outcome), changed: after === before ? null : { before, after } };
  },
  async extend(world, fields) {
    const answer = await extend(world, fields);
    return outcomeAnswer(answer.outcome, answer);
  },
  async report(world, fields) {
    const { costNanos, overHold, ...answer } = await report(world, fields);
    const { replayed, late, unpriced, priceRevision, postPaid, unattributed, units } = answer;
    return {
      cost: formatUsd(costNanos),
      over_hold: overHold,
      replayed,
      late,
      unpriced,
      price_revision: priceRevision ? priceRevisionText(priceRevision) : null,
      post_paid: postPaid,
      unattributed,
      usage_assumed: answer.usageAssumed,
      units,
      warnings: answer.warnings.map(({ limit }) => limit),
    };
  },
  async release(world, fields) {
    const { replayed } = await release(world, fields);
    return { replayed };
  },
  list_targets: async (world, fields) => ({ targets: await listTargets(world, fields) }),
  parallel: (world, fields) => parallel(world, fields),
  advance(world, fields) {
    world.instance.clock.nowMs += durationMs(textOf(fields['value']) ?? '') ?? 0;
    return Promise.resolve({});
  },
  at(world, fields) {
    const { clock } = world.instance;
    clock.nowMs = instantMs(textOf(fields['value']) ?? '') ?? clock.nowMs;
    return Promise.resolve({});
  },
  async expire(world) {
    const { expiredCount = '0' } = await world.instance.admin.call(
      'EnforcementService/ExpireHolds',
      {
        org_id: world.orgId,
      },
    );
    return { expired: expiredCount };
  },
  put_policy: async (world, fields) => ({ revision: await putPolicy(world, fields) }),
  revoke_limit: async (world, fields) => ({ revision: await revokeLimit(world, fields) }),
  delete_policy: async (world, fields) => ({ revision: await deletePolicy(world, fields) }),
  put_raise: putRaise,
  revoke_raise: revokeRaise,
  raises,
  put_org: silent(putOrganization),
  put_price: silent(putPrice),
  revoke_price: silent(revokePrice),
  revoke_key: silent((world, fields) => revokeCredential(world, 'key', fields)),
  revoke_token: silent((world, fields) => revokeCredential(world, 'token', fields)),
  ...Object.fromEntries(
    Object.keys(recordCalls).map((kind): [string, PlayStep] => [
      `put_${kind}`,
      silent((world, fields) => putRecord(world, kind, fields)),
    ]),
  ),
  ...Object.fromEntries(
    deletableKinds.map((kind): [string, PlayStep] => [
      `delete_${kind}`,
      silent((world, fields) => deleteRecord(world, kind, fields)),
    ]),
  ),
  usage,
  events,
  revisions,
};

function silent(play: (world: World, fields: Fields) => Promise<void>): PlayStep {
  return async (world, fields) => {
    await play(world, fields);
    return {};
  };
}
