import { formatUsd } from '../core/amount.ts';
import type { Json } from './admin-client.ts';
import type { Answer } from './answers.ts';
import type { Fields } from './form.ts';
import { listRevisions } from './policy-steps.ts';
import { enumOf, textOf } from './values.ts';
import type { World } from './world.ts';

interface EventJson {
  readonly action: string;
  readonly occurrenceCount: string;
  readonly user?: string;
  readonly limit?: string;
  readonly meter?: { readonly name: string };
  readonly metric?: string;
  readonly window?: string;
  readonly spend?: string;
  readonly amount?: string;
  readonly raised?: {
    readonly declaredAmount?: string;
    readonly raises: readonly { readonly raiseId: string }[];
  };
  readonly ask?: string;
}

/** What a meter knows. */
export async function usage(world: World, fields: Fields): Promise<Answer> {
  const answer = await world.instance.admin.call('UsageService/GetUsage', {
    org_id: world.orgId,
    meter: textOf(fields['meter']),
    window: enumOf('WINDOW', fields['window']),
  });
  return {
    cost: formatUsd(whole(answer['costNanos'])),
    input: whole(answer['inputTokens']),
    output: whole(answer['outputTokens']),
    tokens: whole(answer['tokens']),
    requests: whole(answer['requestCount']),
    held_cost: formatUsd(whole(answer['heldCostNanos'])),
    held_tokens: whole(answer['heldTokens']),
    in_flight: whole(answer['inFlightCount']),
    units: answer['units'] ?? {},
    window_start: answer['startTime'],
    window_end: answer['endTime'],
  };
}

/** Enforcement events, newest first; a folded one counts as often as it occurred. */
export async function events(world: World, fields: Fields): Promise<Answer> {
  const found = await listEvents(world, fields);
  const [first] = found;
  return {
    count: found.reduce((sum, { occurrenceCount }) => sum + whole(occurrenceCount), 0n),
    first: first === undefined ? null : eventAnswer(first),
    actions: found.flatMap(({ action, occurrenceCount }) =>
      Array.from({ length: Number(occurrenceCount) }, () => shortName(action)),
    ),
  };
}

/** Everything that a call could have left in the organization, as one text. */
export async function traces(world: World): Promise<string> {
  const counted = await usage(world, { meter: 'org', window: 'LIFETIME' });
  const { count } = await events(world, {});
  return Object.entries({ ...counted, events: count })
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

async function listEvents(world: World, fields: Fields): Promise<EventJson[]> {
  const found: EventJson[] = [];
  let pageToken: unknown = '';
  do {
    const page = await world.instance.admin.call('EnforcementService/ListEvents', {
      org_id: world.orgId,
      user: textOf(fields['user']),
      limit: textOf(fields['limit']),
      action: enumOf('EVENT_ACTION', fields['action']),
      page_size: 1000,
      page_token: pageToken,
    });
    found.push(...((page['events'] ?? []) as EventJson[]));
    pageToken = page['nextPageToken'] ?? '';
  } while (pageToken !== '');
  return found;
}

function eventAnswer(event: EventJson): Answer {
  const metric = shortName(event.metric);
  const number = (value: unknown): string =>
    metric === 'COST' ? formatUsd(whole(value)) : whole(value).toString();
  return {
    action: shortName(event.action),
    user: event.user ?? null,
    limit: event.limit ?? null,
    meter: event.meter?.name ?? null,
    metric,
    window: shortName(event.window),
    spend: event.limit === undefined ? null : number(event.spend),
    amount: event.limit === undefined ? null : number(event.amount),
    declared:
      event.limit === undefined
        ? null
        : number(event.raised ? event.raised.declaredAmount : event.amount),
    raises: event.raised?.raises.map(({ raiseId }) => raiseId) ?? [],
    ask: event.limit === undefined ? null : number(event.ask),
  };
}

/** `EVENT_ACTION_BLOCKED` is BLOCKED to a scenario. */
function shortName(name: string | undefined): string | null {
  return name?.replace(/^(?:EVENT_ACTION|METRIC|WINDOW)_/, '') ?? null;
}

/** The revisions of a policy. */
export async function revisions(world: World, fields: Fields): Promise<Answer> {
  const found = await listRevisions(world, fields);
  const [newest] = found;
  return {
    count: found.length,
    newest: newest === undefined ? null : revisionAnswer(newest),
  };
}

/** `revoked` is the limit that was taken back, or several separated by commas, if the revision was made by that. */
function revisionAnswer(revision: Json): Answer {
  const { reason = '', revokedLimits = [] } = revision;
  const revoked = (revokedLimits as readonly string[]).join(', ');
  return {
    revision: whole(revision['revision']),
    reason,
    revoked: revoked === '' ? null : revoked,
  };
}

/** What an int64 of the admin plane's JSON says; absent is 0. */
function whole(value: unknown): bigint {
  return BigInt(String(value ?? 0));
}
