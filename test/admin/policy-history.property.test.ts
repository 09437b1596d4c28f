import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());

const subjects = ['user:a', 'user:b', 'org', 'tier:pro'];
const subject = fc.constantFrom(...subjects);
const limit = fc.record({
  name: fc.constantFrom('l0', 'l1', 'hour.cost', 'q.cost'),
  metric: fc.constant('METRIC_COST'),
  window: fc.constantFrom('WINDOW_HOUR', 'WINDOW_DAY'),
  amount: fc.constantFrom('1', '2'),
});
const limits = fc.uniqueArray(limit, { minLength: 1, maxLength: 3, selector: ({ name }) => name });
const notes = fc.constantFrom('', 'x', 'y');
const access = fc.record({ deny: fc.subarray(['m0', 'm1']) });
const name = limit.map((one) => one.name);
const revision = fc.integer({ min: 1, max: 4 });
const policy = fc.oneof(
  fc.record({ subject, limits }),
  fc.record({ subject, notes }),
  fc.record({ subject, limits, access, notes }),
);

/** One write; some are refused, and change nothing. */
const write = fc.oneof(
  policy.map((one): [string, Json] => ['UpdatePolicy', { policy: one }]),
  fc
    .tuple(subject, limit)
    .map(([on, one]): [string, Json] => ['UpdateLimit', { subject: on, limit: one }]),
  fc
    .tuple(subject, limits)
    .map(([on, all]): [string, Json] => ['UpdateLimits', { subject: on, limits: all }]),
  fc
    .tuple(subject, name)
    .map(([on, one]): [string, Json] => ['RevokeLimits', { subject: on, names: [one] }]),
  subject.map((on): [string, Json] => ['RevokeLimits', { subject: on, quota: 'hour' }]),
  subject.map((on): [string, Json] => ['DeletePolicy', { subject: on }]),
  fc
    .tuple(subject, revision)
    .map(([on, to]): [string, Json] => ['RollbackPolicy', { subject: on, revision: to }]),
  fc
    .tuple(subject, subject)
    .map(([from, to]): [string, Json] => ['CopyPolicy', { subject: from, toSubjects: [to] }]),
  fc
    .uniqueArray(policy, { minLength: 1, maxLength: 3, selector: (one) => one.subject })
    .map((all): [string, Json] => [
      'BatchUpdatePolicies',
      { updates: all.map((one) => ({ policy: one })) },
    ]),
);

type Named = Json & { readonly name: string };
interface Diff {
  readonly addedLimits?: readonly Named[];
  readonly removedLimits?: readonly Named[];
  readonly changedLimits?: readonly { readonly after: Named }[];
  readonly access?: { readonly after?: Json };
  readonly notes?: { readonly after?: string };
}
interface State {
  readonly limits: ReadonlyMap<string, Named>;
  readonly access: Json | undefined;
  readonly notes: string;
}

/** A policy with a difference applied to it. */
function patched(state: State, diff: Diff): State {
  const after = new Map(state.limits);
  for (const gone of diff.removedLimits ?? []) after.delete(gone.name);
  const put = [...(diff.addedLimits ?? []), ...(diff.changedLimits ?? []).map((one) => one.after)];
  for (const one of put) after.set(one.name, one);
  return {
    limits: after,
    access: diff.access === undefined ? state.access : diff.access.after,
    notes: diff.notes === undefined ? state.notes : (diff.notes.after ?? ''),
  };
}

function stateOf(said: Json | undefined): State {
  const all = (said?.['limits'] ?? []) as readonly Named[];
  return {
    limits: new Map(all.map((one) => [one.name, one])),
    access: said?.['access'] as Json | undefined,
    notes: (said?.['notes'] ?? '') as string,
  };
}

let count = 0;
// Planted, and seen red: limits that were taken out stay in force in their own history.
test('history replays to the present, whatever was written', { timeout: 120_000 }, async () => {
  const property = fc.asyncProperty(fc.array(write, { maxLength: 14 }), async (writes) => {
    count += 1;
    const orgId = `org${count}`;
    const call = async (rpc: string, more: Json): Promise<Json> =>
      (await plane.call(`PolicyService/${rpc}`, { orgId, ...more })).body;
    await plane.store.createOrganization(plainOrganization(orgId), anyChange);
    for (const [rpc, message] of writes) {
      const { code } = await plane.call(`PolicyService/${rpc}`, { orgId, ...message });
      expect(code).not.toBe('INTERNAL');
    }
    const rows = await call('ListLimitRevisions', { state: 'LIMIT_REVISION_STATE_ACTIVE' });
    const active = (rows['revisions'] ?? []) as readonly { subject: string; limits: Named[] }[];
    for (const on of subjects) {
      const { revision: newest } = (await call('GetPolicy', { subject: on })) as {
        revision?: Json;
      };
      const present = stateOf(newest?.['policy'] as Json | undefined);
      const listed = await call('ListPolicyRevisions', { subject: on });
      const revisions = ((listed['revisions'] ?? []) as readonly Json[]).toReversed();
      expect(revisions.map((one) => one['revision'])).toEqual(
        revisions.map((_, at) => String(at + 1)),
      );
      let replayed = stateOf(undefined);
      for (const { revision: to } of revisions) {
        const { diff } = await call('GetPolicyDiff', { subject: on, toRevision: to });
        replayed = patched(replayed, diff as Diff);
      }
      expect(replayed).toEqual(present);
      const inForce = active.filter((one) => one.subject === on).flatMap((one) => one.limits);
      expect(new Map(inForce.map((one) => [one.name, one]))).toEqual(present.limits);
    }
  });
  await fc.assert(property, { numRuns: 40 });
});
