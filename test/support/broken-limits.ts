import type { CheckPlan } from '../../src/core/plan.ts';

/** Limits that planning takes and deciding throws on. */
export function brokenLimits(fault: Error): CheckPlan['limits'] {
  return new Proxy([], {
    get: (list, name) => {
      if (name === 'map') throw fault;
      return Reflect.get(list, name) as unknown;
    },
  });
}
