import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { accessReasons } from '../../src/core/access.ts';
import { meterOf } from '../../src/core/meter.ts';
import { resolvePath } from '../../src/core/path.ts';
import type { Limit } from '../../src/core/policy.ts';
import { effectiveLimits } from '../../src/core/resolve.ts';
import { subjectText } from '../../src/core/subject.ts';
import { targetFacts } from '../../src/core/target.ts';
import { traceAccess } from '../../src/core/trace-access.ts';
import { traceLimits } from '../../src/core/trace-limits.ts';
import type { TracedLimit } from '../../src/core/trace-limits.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { SaidPolicy } from '../support/view.ts';
import { worldNowMs, worlds } from '../support/worlds.ts';
import type { World } from '../support/worlds.ts';

function seen({ said, call }: World) {
  const view = viewOf(said);
  return { view, ...resolvePath(view, callOf(call), worldNowMs) };
}

function agreeing(check: (world: World) => void): void {
  const property = fc.property(worlds, (world) => {
    fc.pre(!seen(world).stop);
    check(world);
  });
  fc.assert(property, { numRuns: 2_000, maxSkipsPerRun: 20 });
}

const withAmount = ({ limit }: TracedLimit): boolean => limit.amount !== undefined;
const slotOf = ({ metric, window, targets }: Limit): string =>
  `${metric} ${window} ${targets.join(' ')}`;

// Planted, and seen red: the template's limits on a metric of the user's own kept.
it('finds the limits that hold as the resolver does', { timeout: 60_000 }, () => {
  agreeing((world) => {
    const { view, path } = seen(world);
    const traced = traceLimits(view, path).filter(withAmount);
    const plain = traced.map(({ subject, revision, limit, meter }) => ({
      subject,
      revision,
      limit,
      meter,
    }));
    expect(plain).toEqual(effectiveLimits(view, path));
  });
});

/** The same world without one declaration of a subject. */
function without({ said, call }: World, subject: string, name: string): World {
  const policies = Object.entries(said.policies ?? {}).map(([at, policy]): [string, SaidPolicy] => {
    if (at !== subject) return [at, policy];
    return [
      at,
      { ...policy, limits: (policy.limits ?? []).filter((limit) => limit.name !== name) },
    ];
  });
  return { said: { ...said, policies: Object.fromEntries(policies) }, call };
}

// Planted, and seen red: a displaced limit named as displaced by the limit of another slot.
it(
  'names as displaced what would hold, or would be displaced by less, were it the only one',
  { timeout: 60_000 },
  () => {
    agreeing((world) => {
      const { view, path } = seen(world);
      const traced = traceLimits(view, path);
      const holding = new Set(
        traced.map(
          ({ subject, limit, meter }) => `${subjectText(subject)}/${limit.name} ${meter.name}`,
        ),
      );
      for (const { meter, limit, displaced } of traced) {
        for (const lost of displaced) {
          const key = `${subjectText(lost.subject)}/${lost.limit.name}`;
          const at = meterOf(meter.subject, lost.limit.targets).name;
          expect(holding).not.toContain(`${key} ${at}`);
          expect(lost.limit.enabled).toBe(true);
          if (lost.because === 'OWN_METRIC') {
            expect(lost.subject.kind).toBe('tier');
            expect(lost.limit.metric).toBe(limit.metric);
          } else expect(slotOf(lost.limit)).toBe(slotOf(limit));
        }
      }
    });
  },
);

it(
  'brings what a declaration displaced into force, once all of it is taken out',
  { timeout: 60_000 },
  () => {
    agreeing((world) => {
      const { view, path } = seen(world);
      const [first] = traceLimits(view, path).filter(({ displaced }) => displaced.length > 0);
      if (first === undefined) return;
      const whose = subjectText(first.subject);
      const names = view.policy(first.subject)?.limits.map(({ name }) => name) ?? [];
      const less = names.reduce((left, name) => without(left, whose, name), world);
      const after = traceLimits(viewOf(less.said), path);
      const held = after.filter(({ meter }) => meter.subject.id === first.meter.subject.id);
      const slots = new Set(held.map(({ limit }) => slotOf(limit)));
      for (const { limit } of first.displaced) expect(slots).toContain(slotOf(limit));
    });
  },
);

it('finds the access rules that count as the judgement of a call does', { timeout: 60_000 }, () => {
  agreeing((world) => {
    const { view, path } = seen(world);
    const target = targetFacts(view, callOf(world.call).target);
    const counted = traceAccess(view, path).map(
      ({ subject, access, allowReplaced, maxTierReplaced }) => {
        const allow = allowReplaced ? [] : access.allow;
        const maxTier = maxTierReplaced ? undefined : access.maxTier;
        return [
          subjectText(subject),
          { access: { ...access, allow, maxTier, mode: 'NARROW' as const } },
        ] as const;
      },
    );
    const policies = Object.fromEntries(counted);
    const plain = viewOf({ ...world.said, policies });
    expect(accessReasons(plain, path, target)).toEqual(accessReasons(view, path, target));
  });
});

// Planted, and seen red: teams at one distance in the order of their ids.
it('names the larger declaration of two teams at one distance as displaced by the smaller', () => {
  const cap = (amount: bigint): SaidPolicy => ({
    limits: [{ name: 'each', metric: 'COST', amount, for: { kind: 'USER' } }],
  });
  const view = viewOf({
    teams: [{ id: 'a' }, { id: 'b' }],
    users: [{ id: 'u0', teams: ['a', 'b'] }],
    policies: { 'team:a': cap(2n), 'team:b': cap(1n), org: cap(3n) },
  });
  const { path } = resolvePath(view, callOf({ user: 'u0' }), worldNowMs);
  const said = traceLimits(view, path).map(({ subject, displaced }) => [
    subjectText(subject),
    displaced.map((lost) => `${subjectText(lost.subject)} ${lost.because}`),
  ]);
  expect(said).toEqual([['team:b', ['team:a SMALLER', 'org NEARER']]]);
});
