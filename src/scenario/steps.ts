import { formatUsd } from '../core/amount.ts';
import { outcomeAnswer } from './answers.ts';
import type { Answer } from './answers.ts';
import { check, explain, extend, listTargets, parallel, release, report } from './call-steps.ts';
import { durationMs } from './duration.ts';
import type { Fields } from './form.ts';
import { listRevisions, putPolicy, revokeLimit, windowNames } from './policy-steps.ts';
import {
  putOrganization,
  putPrice,
  putRecord,
  recordCalls,
  revokeCredential,
  revokePrice,
} from './records.ts';
import { enumOf, textOf } from './values.ts';
import type { World } from './world.ts';

/** Plays one step: what was answered, in the terms of a scenario. Fails with a Refusal for an error answer. */
export type PlayStep = (world: World, fields: Fields) => Promise<Answer>;

/** By the step's kind. */
export const playStep: Readonly<Record<string, PlayStep>> = {
  async check(world, fields) {
    const answer = await check(world, fields);
    return outcomeAnswer(answer.outcome, answer);
  },
  async explain(world, fields) {
    const { outcome } = await explain(world, fields);
    return outcomeAnswer(outcome);
  },
  async extend(world, fields) {
    const answer = await extend(world, fields);
    return outcomeAnswer(answer.outcome, answer);
  },
  async report(world, fields) {
    const { costNanos, overHold, replayed, late } = await report(world, fields);
    return { cost: formatUsd(costNanos), over_hold: overHold, replayed, late };
  },
  async release(world, fields) {
    const { replayed } = await release(world, fields);
    return { replayed };
  },
  list_targets: async (world, fields) => ({ targets: await listTargets(world, fields) }),
  async parallel(world, fields) {
    const { allowed, denied } = await parallel(world, fields);
    return { allowed, denied };
  },
  advance(world, fields) {
    const ms = durationMs(textOf(fields['value']) ?? '');
    if (ms === undefined) throw new Error('advance: expected a duration');
    world.instance.clock.nowMs += ms;
    return Promise.resolve({});
  },
  at(world, fields) {
    const ms = Date.parse(textOf(fields['value']) ?? '');
    if (Number.isNaN(ms)) throw new Error('at: expected an instant');
    world.instance.clock.nowMs = ms;
    return Promise.resolve({});
  },
  async expire(world) {
    const { expired = '0' } = await world.instance.admin.call('EnforcementService/ExpireHolds', {
      org_id: world.orgId,
    });
    return { expired };
  },
  put_policy: async (world, fields) => ({ revision: await putPolicy(world, fields) }),
  revoke_limit: async (world, fields) => ({ revision: await revokeLimit(world, fields) }),
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

/** What an int64 of the admin plane's JSON says; absent is 0. */
function whole(value: unknown): bigint {
  return BigInt(String(value ?? 0));
}

async function usage(world: World, fields: Fields): Promise<Answer> {
  const answer = await world.instance.admin.call('UsageService/GetUsage', {
    org_id: world.orgId,
    meter: textOf(fields['meter']),
    window: enumOf('WINDOW', windowNames, fields['window']),
  });
  return {
    cost: formatUsd(whole(answer['costNanos'])),
    input: whole(answer['inputTokens']),
    output: whole(answer['outputTokens']),
    tokens: whole(answer['tokens']),
    requests: whole(answer['requests']),
    held_cost: formatUsd(whole(answer['heldCostNanos'])),
    held_tokens: whole(answer['heldTokens']),
    in_flight: whole(answer['inFlight']),
    window_start: answer['windowStart'],
    window_end: answer['windowEnd'],
  };
}

const eventActions = ['BLOCKED', 'WARNED', 'DRY_RUN', 'BYPASSED', 'THRESHOLD', 'EXPIRED'];

interface EventJson {
  readonly action: string;
  readonly occurrences: string;
  readonly user?: string;
  readonly limit?: string;
  readonly meter?: string;
  readonly metric?: string;
  readonly window?: string;
  readonly spend?: string;
  readonly amount?: string;
  readonly ask?: string;
}

async function events(world: World, fields: Fields): Promise<Answer> {
  const found: EventJson[] = [];
  let pageToken: unknown = '';
  do {
    const page = await world.instance.admin.call('EnforcementService/ListEvents', {
      org_id: world.orgId,
      user: textOf(fields['user']),
      limit: textOf(fields['limit']),
      action: enumOf('EVENT_ACTION', eventActions, fields['action']),
      page_size: 1000,
      page_token: pageToken,
    });
    found.push(...((page['events'] ?? []) as EventJson[]));
    pageToken = page['nextPageToken'] ?? '';
  } while (pageToken !== '');
  const [first] = found;
  return {
    count: found.reduce((sum, event) => sum + whole(event.occurrences), 0n),
    first: first === undefined ? null : eventAnswer(first),
    actions: found.flatMap((event) =>
      Array.from({ length: Number(event.occurrences) }, () => shortName(event.action)),
    ),
  };
}

function eventAnswer(event: EventJson): Answer {
  const metric = shortName(event.metric);
  const number = (value: unknown): string =>
    metric === 'COST' ? formatUsd(whole(value)) : whole(value).toString();
  return {
    action: shortName(event.action),
    user: event.user ?? null,
    limit: event.limit ?? null,
    meter: event.meter ?? null,
    metric,
    window: shortName(event.window),
    spend: event.limit === undefined ? null : number(event.spend),
    amount: event.limit === undefined ? null : number(event.amount),
    ask: event.limit === undefined ? null : number(event.ask),
  };
}

/** `EVENT_ACTION_BLOCKED` is BLOCKED to a scenario. */
function shortName(name: string | undefined): string | null {
  return name?.replace(/^(?:EVENT_ACTION|METRIC|WINDOW)_/, '') ?? null;
}

async function revisions(world: World, fields: Fields): Promise<Answer> {
  const found = await listRevisions(world, fields);
  const [newest] = found;
  return {
    count: found.length,
    newest: newest && {
      revision: whole(newest['revision']),
      reason: newest['reason'] ?? '',
      revoked: newest['revoked'] ?? '',
    },
  };
}
