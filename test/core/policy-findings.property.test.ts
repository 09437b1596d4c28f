import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { accessReasons } from '../../src/core/access.ts';
import { draftView } from '../../src/core/draft-view.ts';
import type { OrganizationView } from '../../src/core/organization-view.ts';
import { pathSubjects, resolvePath } from '../../src/core/path.ts';
import { policyFindings } from '../../src/core/policy-findings.ts';
import type { PolicyFinding } from '../../src/core/policy-finding.ts';
import type { Access, Policy } from '../../src/core/policy.ts';
import { effectiveLimits } from '../../src/core/resolve.ts';
import { subjectText } from '../../src/core/subject.ts';
import { targetFacts, targetTouched } from '../../src/core/target.ts';
import { traceLimits } from '../../src/core/trace-limits.ts';
import { callOf, policyOf, viewOf } from '../support/view.ts';
import { worldNowMs, worlds } from '../support/worlds.ts';

const targets = ['m0', 'm1', 'm10', 'x0', 'r0', 'r1', 'unknown', 'u', 'group', 'zzz'];

interface Case {
  readonly view: OrganizationView;
  readonly path: ReturnType<typeof resolvePath>['path'];
  readonly policy: Policy;
  readonly found: PolicyFinding;
}

/** Every finding about a policy whose subject is on the path of a random call; how many were found. */
function everyFinding(code: PolicyFinding['code'], check: (found: Case) => void): number {
  let count = 0;
  fc.assert(
    fc.property(worlds, ({ said, call }) => {
      const view = viewOf(said);
      const { path, stop } = resolvePath(view, callOf(call), worldNowMs);
      if (stop) return;
      for (const subject of pathSubjects(path)) {
        const policy = view.policy(subject);
        if (policy === undefined) continue;
        for (const found of policyFindings(view, policy)) {
          if (found.code !== code) continue;
          count += 1;
          check({ view, path, policy, found });
        }
      }
    }),
    { numRuns: 2_000 },
  );
  return count;
}

function callableOn({ view, path }: Case, policy: Policy): string[] {
  const drafted = draftView(view, [policy]);
  return targets.filter(
    (name) => accessReasons(drafted, path, targetFacts(drafted, name)).length === 0,
  );
}

const indexesOf = ({ field }: PolicyFinding): number[] => [...field.matchAll(/\d+/g)].map(Number);

function changed({ policy }: Case, more: Partial<Access>): Policy {
  const { access } = policy;
  if (access === undefined) throw new Error('no rules');
  return { ...policy, access: { ...access, ...more } };
}

// Planted, and seen red: unknown targets, which may be called, left out of the comparison.
it(
  'says that a grant narrows nothing only where no call is narrowed by it',
  { timeout: 60_000 },
  () => {
    const count = everyFinding('GRANT_NARROWS_NOTHING', (one) => {
      const isList = one.found.field === 'access.allow';
      const without = changed(one, isList ? { allow: [] } : { maxTier: undefined });
      expect(callableOn(one, without)).toEqual(callableOn(one, one.policy));
    });
    expect(count).toBeGreaterThan(10);
  },
);

it('says that nothing is callable only where no call is allowed', { timeout: 60_000 }, () => {
  const count = everyFinding('NOTHING_CALLABLE', (one) => {
    const user =
      one.path.user === undefined
        ? undefined
        : one.view.policy({ kind: 'user', id: one.path.user });
    const { kind } = one.policy.subject;
    if (user?.access?.mode === 'REPLACE' && (kind === 'team' || kind === 'tier')) return;
    expect(callableOn(one, one.policy)).toEqual([]);
  });
  expect(count).toBeGreaterThan(10);
});

it(
  'says that an entry of a deny list matches nothing only where no call is refused by it',
  { timeout: 60_000 },
  () => {
    const count = everyFinding('DENY_MATCHES_NOTHING', (one) => {
      const [at] = indexesOf(one.found);
      const deny = one.policy.access?.deny.filter((_, index) => index !== at) ?? [];
      expect(callableOn(one, changed(one, { deny }))).toEqual(callableOn(one, one.policy));
    });
    expect(count).toBeGreaterThan(5);
  },
);

it(
  'says that a target matches nothing only where no call that is allowed is of it',
  { timeout: 60_000 },
  () => {
    const count = everyFinding('TARGET_MATCHES_NOTHING', (one) => {
      const [limit = -1, at = -1] = indexesOf(one.found);
      const entry = one.policy.limits[limit]?.targets[at] ?? '';
      const matched = targets.filter((name) => targetTouched([entry], targetFacts(one.view, name)));
      const allowed = callableOn(one, one.policy);
      expect(matched.filter((name) => allowed.includes(name))).toEqual([]);
    });
    expect(count).toBeGreaterThan(10);
  },
);

// Planted, and seen red: caps that are larger than the limit.
it(
  'says that a limit never binds only where a cap holds with it that denies no later',
  { timeout: 60_000 },
  () => {
    const count = everyFinding('LIMIT_NEVER_BINDS', ({ view, path, policy, found }) => {
      const limit = policy.limits[indexesOf(found)[0] ?? -1];
      if (limit?.amount === undefined) throw new Error('it has no amount');
      const { amount } = limit;
      const all = effectiveLimits(view, path);
      const holding = all.filter(
        (one) =>
          one.limit.name === limit.name && subjectText(one.subject) === subjectText(policy.subject),
      );
      for (const one of holding) {
        const caps = all.filter(
          (cap) =>
            cap !== one &&
            cap.limit.action === 'BLOCK' &&
            cap.limit.metric === limit.metric &&
            cap.limit.window === limit.window &&
            cap.limit.amount <= amount &&
            (cap.limit.targets.length === 0 || cap.limit.targets.join() === limit.targets.join()) &&
            // What it counts: all of the organization, all of the team, or the same.
            (cap.meter.subject.kind === 'org' ||
              cap.meter.name === one.meter.name ||
              (one.meter.member !== undefined &&
                subjectText(cap.meter.subject) === subjectText(one.meter.subject) &&
                cap.meter.member === undefined)),
        );
        expect(caps).not.toEqual([]);
      }
    });
    expect(count).toBeGreaterThan(10);
  },
);

it('says that a template is hidden only where it does not hold', { timeout: 60_000 }, () => {
  const count = everyFinding('TEMPLATE_HIDDEN', ({ view, path, policy, found }) => {
    const tier = view.user(policy.subject.id)?.tier;
    if (path.tier !== tier) return;
    const names = found.message.slice(found.message.lastIndexOf(': ') + 2).split(', ');
    const traced = traceLimits(view, path);
    const ofTier = ({ kind, id }: Policy['subject']): boolean => kind === 'tier' && id === tier;
    const holds = traced.filter(({ subject }) => ofTier(subject)).map(({ limit }) => limit.name);
    expect(names.filter((name) => holds.includes(name))).toEqual([]);
    const lost = traced
      .flatMap(({ displaced }) => displaced)
      .filter(({ subject }) => ofTier(subject));
    expect(lost.map(({ limit }) => limit.name)).toEqual(expect.arrayContaining(names));
  });
  expect(count).toBeGreaterThan(5);
});

it('says that a bypass has no end only of one with flags', () => {
  const codes = (bypass: Partial<Policy['bypass'] & {}>) => {
    const policy = policyOf('user:alice', { bypass });
    return policyFindings(viewOf({}), policy).map(({ code, field }) => [code, field]);
  };
  expect(codes({ cost: true })).toEqual([['BYPASS_WITHOUT_END', 'bypass.expire_time']]);
  expect(codes({ cost: true, untilMs: worldNowMs })).toEqual([]);
  expect(codes({})).toEqual([]);
});

// Seen red: without the bound, and with it for the whole of the findings.
it('leaves out what would have to be compared with a very large catalog, and nothing else', () => {
  const models = Array.from({ length: 1_000 }, (_, index) => ({ id: `m${index}` }));
  const targets = ['nowhere'];
  const limit = { name: 'a', metric: 'COST', window: 'DAY', amount: 2n, targets } as const;
  const cap = { name: 'b', metric: 'COST', window: 'DAY', amount: 1n } as const;
  const larger = { ...cap, name: 'c', amount: 3n };
  const access = { allow: ['m1'], deny: Array.from({ length: 200 }, (_, at) => `x${at}`) };
  const said = (more: object) => ({ org: { limits: [limit, cap, larger], ...more } });
  const codes = (more: object): readonly string[] => {
    const view = viewOf({ models, organization: { unknownModels: 'DENY' }, policies: said(more) });
    const policy = view.policy({ kind: 'org', id: '' });
    if (policy === undefined) throw new Error('there is no policy');
    return [...new Set(policyFindings(view, policy).map(({ code }) => code))];
  };
  expect(codes({})).toEqual(
    expect.arrayContaining(['TARGET_MATCHES_NOTHING', 'LIMIT_NEVER_BINDS']),
  );
  expect(codes({ access })).not.toContain('DENY_MATCHES_NOTHING');
  expect(codes({ access })).toEqual(codes({}).filter((code) => code !== 'TARGET_MATCHES_NOTHING'));
});
