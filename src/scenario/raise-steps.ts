import type { Json } from './admin-client.ts';
import type { Answer } from './answers.ts';
import type { Fields } from './form.ts';
import { textOf } from './values.ts';
import type { World } from './world.ts';

/** Raises a limit until an instant: the amount of the limit before and after. */
export async function putRaise(world: World, fields: Fields): Promise<Answer> {
  const raise = {
    id: textOf(fields['id']),
    subject: textOf(fields['subject']),
    limit_name: textOf(fields['name']),
    applies_to: textOf(fields['for']),
    add: textOf(fields['add']),
    amount: textOf(fields['amount']),
    expire_time: textOf(fields['until']),
  };
  const request = { org_id: world.orgId, limit_raise: raise, reason: reasonOf(fields) };
  return amounts(await world.instance.admin.call('RaiseService/CreateRaise', request));
}

/** Ends a raise before its time: the amount of its limit before and after. */
export async function revokeRaise(world: World, fields: Fields): Promise<Answer> {
  const request = { org_id: world.orgId, id: textOf(fields['id']), reason: reasonOf(fields) };
  return amounts(await world.instance.admin.call('RaiseService/RevokeRaise', request));
}

/** The ids of raises, newest first. */
export async function raises(world: World, fields: Fields): Promise<Answer> {
  const state = textOf(fields['state']);
  const answer = await world.instance.admin.call('RaiseService/ListRaises', {
    org_id: world.orgId,
    subject: textOf(fields['subject']),
    limit_name: textOf(fields['name']),
    applies_to: textOf(fields['for']),
    ...(state === undefined ? {} : { state: `RAISE_STATE_${state}` }),
    page_size: 1000,
  });
  const found = (answer['raises'] ?? []) as Json[];
  return { ids: found.map((raise) => raise['id']), count: found.length };
}

/** The service wants a reason; a file need not say one. */
function reasonOf(fields: Fields): string {
  return textOf(fields['reason']) ?? 'a step of a scenario';
}

function amounts(answer: Json): Answer {
  const { amountBefore: before = null, amountAfter: after = null } = answer;
  return { before, after };
}
