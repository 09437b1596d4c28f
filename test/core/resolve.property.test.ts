import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { accessReasons } from '../../src/core/access.ts';
import { chargedMeters, familyTag, meterFamilyTag } from '../../src/core/meters.ts';
import { isDerived } from '../../src/core/meter.ts';
import { resolvePath } from '../../src/core/path.ts';
import { limitsOn, plannedLimits } from '../../src/core/planned-limits.ts';
import { subjectText } from '../../src/core/subject.ts';
import { targetFacts } from '../../src/core/target.ts';
import { isTargetNamed, referenceAccess } from '../support/reference-access.ts';
import { referenceLimits, referencePath } from '../support/reference-resolver.ts';
import { callOf, viewOf } from '../support/view.ts';
import { worldNowMs, worlds } from '../support/worlds.ts';
import type { World } from '../support/worlds.ts';

// A failure prints the seed and the shrunk world: `fc.assert(property, { seed, path })` plays it again.
const runs = { numRuns: 3_000 };

/** A world as the core sees it. */
function seen({ said, call }: World) {
  const view = viewOf(said);
  const request = callOf(call);
  const target = targetFacts(view, request.target);
  return { view, target, ...resolvePath(view, request, worldNowMs) };
}

/** Worlds whose subjects agree with each other: where they do not, nobody asks for their limits. */
function agreeing(check: (world: World) => void): void {
  fc.assert(
    fc.property(worlds, (world) => {
      fc.pre(!seen(world).stop);
      check(world);
    }),
    { ...runs, maxSkipsPerRun: 20 },
  );
}

it('finds the path and its reasons as the reference does', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const { path, reasons, stop } = seen(world);
      const reference = referencePath(world.said, world.call, worldNowMs);
      expect(reasons).toEqual(reference.reasons);
      expect(stop).toBe(reasons.some((reason) => /UNKNOWN$|MISMATCH$/.test(reason)) && stop);
      if (stop) return;
      const { teams, ownTeams, labels, reasons: _, ...others } = reference;
      expect(path).toMatchObject(others);
      expect(path.labels).toEqual(labels.toSorted());
      expect(path.ownTeams.toSorted()).toEqual(ownTeams.toSorted());
      expect(new Map(path.teams.map(({ id, distance }) => [id, distance]))).toEqual(teams);
      const distances = path.teams.map(({ distance }) => distance);
      expect(distances).toEqual(distances.toSorted((a, b) => a - b));
    }),
    { numRuns: 5_000 },
  );
});

// Planted once: taking the farthest team first, and letting a disabled own limit hide the template; both red.
it('finds the limits that the reference finds', { timeout: 120_000 }, () => {
  agreeing((world) => {
    const { view, path, target } = seen(world);
    const meters = chargedMeters(view, path, target);
    const found = plannedLimits(limitsOn(view, path, target), meters).map(
      ({ subject, limit, meterIndex }) =>
        `${subjectText(subject)}/${limit.name} ${meters[meterIndex]?.name} ${limit.amount}`,
    );
    const reference = referenceLimits(
      world.said,
      referencePath(world.said, world.call, worldNowMs),
      (list) => isTargetNamed(world.said, list, target.name),
    );
    expect(found.toSorted()).toEqual(reference.toSorted());
  });
});

it('refuses the targets that the reference refuses', { timeout: 120_000 }, () => {
  agreeing((world) => {
    const { view, path, target } = seen(world);
    const reference = referencePath(world.said, world.call, worldNowMs);
    expect(accessReasons(view, path, target)).toEqual(
      referenceAccess(world.said, reference, target.name),
    );
  });
});

it('charges each meter once, the organization first, derived ones under a family’s tag', () => {
  agreeing((world) => {
    const { view, path, target } = seen(world);
    const meters = chargedMeters(view, path, target);
    const names = meters.map(({ name }) => name);
    expect(names[0]).toBe('org');
    expect(new Set(names).size).toBe(names.length);
    const tags = new Set(view.families.map(familyTag));
    for (const meter of meters) {
      if (isDerived(meter)) expect(tags).toContain(meterFamilyTag(meter));
    }
  });
});
