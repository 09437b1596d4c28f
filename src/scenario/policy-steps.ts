import type { Json } from './admin-client.ts';
import { isFields, itemsOf } from './form.ts';
import type { Fields } from './form.ts';
import { enumOf, textOf, textsOf } from './values.ts';
import type { World } from './world.ts';

/** Appends a policy revision; its number. */
export async function putPolicy(world: World, fields: Fields): Promise<bigint> {
  const { access, bypass } = fields;
  const policy = {
    subject: textOf(fields['subject']),
    limits: itemsOf(fields['limits']).map(limitMessage),
    ...(isFields(access) ? { access: accessMessage(access) } : {}),
    ...(isFields(bypass) ? { bypass: bypassMessage(bypass) } : {}),
    notes: textOf(fields['notes']),
    etag: textOf(fields['etag']),
  };
  const { revision } = await world.instance.admin.call('PolicyService/UpdatePolicy', {
    org_id: world.orgId,
    policy,
    update_mask: '*',
    reason: textOf(fields['reason']),
  });
  return revisionNumber(revision);
}

/** Appends a revision without one limit; its number. */
export async function revokeLimit(world: World, fields: Fields): Promise<bigint> {
  const { revision } = await world.instance.admin.call('PolicyService/RevokeLimit', {
    org_id: world.orgId,
    subject: textOf(fields['subject']),
    name: textOf(fields['name']),
    reason: textOf(fields['reason']),
  });
  return revisionNumber(revision);
}

/** Appends a revision that deletes the policy; its number. */
export async function deletePolicy(world: World, fields: Fields): Promise<bigint> {
  const { revision } = await world.instance.admin.call('PolicyService/DeletePolicy', {
    org_id: world.orgId,
    subject: textOf(fields['subject']),
    reason: textOf(fields['reason']),
  });
  return revisionNumber(revision);
}

/** All revisions of a subject, newest first. */
export async function listRevisions(world: World, fields: Fields): Promise<Json[]> {
  const request = { org_id: world.orgId, subject: textOf(fields['subject']), page_size: 1000 };
  const { revisions } = await world.instance.admin.call(
    'PolicyService/ListPolicyRevisions',
    request,
  );
  return (revisions ?? []) as Json[];
}

function revisionNumber(revision: unknown): bigint {
  return BigInt((revision as { revision: string }).revision);
}

function limitMessage(fields: Fields): Json {
  const { thresholds } = fields;
  return {
    name: textOf(fields['name']),
    metric: enumOf('METRIC', fields['metric']),
    window: enumOf('WINDOW', fields['window']),
    ...boundOf(textOf(fields['amount'])),
    action: enumOf('ACTION', fields['action']),
    ...(thresholds ? { thresholds: { percents: thresholds } } : {}),
    applies_to: textOf(fields['for']),
    targets: textsOf(fields['targets']),
    enabled: fields['enabled'],
  };
}

/** A file writes `amount: unlimited`; the message has a field of its own for that. */
function boundOf(amount: string | undefined): Json {
  return amount === 'unlimited' ? { unlimited: {} } : { amount };
}

function accessMessage(fields: Fields): Json {
  return {
    allow: textsOf(fields['allow']),
    deny: textsOf(fields['deny']),
    max_tier: textOf(fields['max_tier']),
    mode: enumOf('ACCESS_MODE', fields['mode']),
  };
}

function bypassMessage(fields: Fields): Json {
  return {
    cost: fields['cost'],
    rate: fields['rate'],
    tokens: fields['tokens'],
    models: fields['models'],
    expire_time: textOf(fields['until']),
  };
}
