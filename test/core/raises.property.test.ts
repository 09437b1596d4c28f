import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { meteredLimits } from '../../src/core/planned-limits.ts';
import { resolvePath } from '../../src/core/path.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { subjectText } from '../../src/core/subject.ts';
import { targetFacts } from '../../src/core/target.ts';
import { isTargetNamed } from '../support/reference-access.ts';
import { referenceRaised } from '../support/reference-raises.ts';
import { referenceLimits, referencePath } from '../support/reference-resolver.ts';
import type { SaidRaise } from '../support/raises.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said } from '../support/view.ts';
import { worldNowMs, worlds } from '../support/worlds.ts';
import type { World } from '../support/worlds.ts';

/*
 * A hand-moved clock over random organizations with random raises: before, at and after every end, in any order. Planted,
 * and seen red, each by itself: a raise that still holds at the instant of its end (`atMs <= untilMs`); new amounts that
 * add up; a raise for one subject that raises all; the limits of the first instant kept for all later ones.
 */
const instants = [-2, -1, 0, 1, 2, 3].map((step) => worldNowMs + step);
const whom = ['user:u0', 'user:stranger', 'key:k0', 'key:k1', 'team:t0', 'team:t1', 'team:t2'];
const others = ['label:feature=search', 'customer:c0', 'app:crm', 'principal:agent:a0'];
const huge = 2n ** 63n - 1n;

const drawn = fc.array(
  fc.record({
    pick: fc.nat(1000),
    isOther: fc.constantFrom(false, false, false, false, true),
    for: fc.option(fc.constantFrom(...whom, ...others), { nil: undefined, freq: 2 }),
    by: fc.constantFrom(
      { add: 1n },
      { add: 2n },
      { amount: 1n },
      { amount: 2n },
      { amount: 5n },
      { add: huge },
      { amount: huge },
    ),
    untilMs: fc.constantFrom(...instants),
  }),
  { maxLength: 8 },
);

/** Raises of limits that are there; now and then the limit had another metric when it was raised. */
function raisesIn(
  { policies = {} }: Said,
  made: typeof drawn extends fc.Arbitrary<infer T> ? T : never,
) {
  const limits = Object.entries(policies).flatMap(([subject, { limits: all = [] }]) =>
    all.map((limit) => ({ subject, limit })),
  );
  return made.flatMap(({ pick, isOther, for: one, by, untilMs }): SaidRaise[] => {
    const found = limits[pick % limits.length];
    if (found === undefined) return [];
    const { name, metric, window } = found.limit;
    const counted = isOther
      ? { metric: 'TOKENS' as const, window: 'DAY' as const }
      : { metric, window: metric === 'CONCURRENCY' ? undefined : (window ?? 'DAY') };
    const isFor = one === undefined ? {} : { for: one };
    return [{ of: `${found.subject}/${name}`, ...counted, ...isFor, ...by, untilMs }];
  });
}

const raised: fc.Arbitrary<World> = fc
  .tuple(worlds, drawn)
  .map(([{ said, call }, made]) => ({ call, said: { ...said, raises: raisesIn(said, made) } }));

it('raises the limits that the reference raises, at every instant', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(raised, fc.shuffledSubarray(instants, { minLength: 6 }), (world, times) => {
      const { said, call } = world;
      const view = viewOf(said);
      const request = callOf(call);
      const { path, stop } = resolvePath(view, request, worldNowMs);
      fc.pre(!stop);
      const target = targetFacts(view, request.target);
      const { limitsAt, meters } = meteredLimits(view, path, target);
      const reference = referencePath(said, call, worldNowMs);
      const declared = referenceLimits(said, reference, (list) =>
        isTargetNamed(said, list, target.name),
      );
      for (const atMs of times) {
        const { limits, fromMs, untilMs } = limitsAt(atMs);
        const found = limits.map(
          ({ subject, limit, meterIndex }) =>
            `${subjectText(subject)}/${limit.name} ${meters[meterIndex]?.name} ${limit.amount}`,
        );
        const wanted = (ms: number) => referenceRaised(said, reference, declared, ms).toSorted();
        expect([atMs, found.toSorted()]).toEqual([atMs, wanted(atMs)]);
        expect(fromMs <= atMs && atMs < untilMs).toBe(true);
        // The same limits hold at every instant between the two ends, so a plan made at one is right at the others.
        for (const other of instants) {
          if (fromMs <= other && other < untilMs) expect(wanted(other)).toEqual(wanted(atMs));
        }
        for (const { limit, raised: by } of limits) {
          if (by === undefined) continue;
          const added = by.applied.reduce((sum, one) => sum + one.added, 0n);
          expect(by.declared + added).toBe(limit.amount);
          expect(by.applied.every((one) => one.added > 0n && one.untilMs > atMs)).toBe(true);
        }
      }
    }),
    { numRuns: 3_000, maxSkipsPerRun: 20 },
  );
});

it('plans a Check that holds no longer than its raises', () => {
  fc.assert(
    fc.property(raised, ({ said, call }) => {
      const view = viewOf(said);
      for (const atMs of instants) {
        const plan = planCheck(view, callOf(call), atMs);
        expect(plan.fromMs <= atMs && atMs < plan.untilMs).toBe(true);
        for (const { raised: by } of plan.limits) {
          for (const { untilMs } of by?.applied ?? []) {
            expect(plan.untilMs).toBeLessThanOrEqual(untilMs);
          }
        }
      }
    }),
    { numRuns: 500 },
  );
});
