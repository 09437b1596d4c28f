import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { Administrator } from './administrator.ts';
import type { Replica } from './replica.ts';
import { switched } from './tenants.ts';

/** Whether the models of `switched` may be called, as far as that is sure. */
export interface PolicySwitch {
  /** True or false when one policy was in force from an instant (`performance.now`) until now; else undefined. */
  isOpenSince(sinceMs: number): boolean | undefined;
  /** Changes the policy again and again until it is over. */
  run(random: Random, isOver: () => boolean): Promise<void>;
}

/** Starts with what is not known. */
export function createPolicySwitch(
  administrator: Administrator,
  replicas: readonly [Replica, Replica],
): PolicySwitch {
  let known: { readonly isOpen: boolean; readonly sinceMs: number } | undefined;
  return {
    isOpenSince(sinceMs) {
      return known !== undefined && known.sinceMs <= sinceMs ? known.isOpen : undefined;
    },
    async run(random, isOver) {
      for (let isOpen = true; !isOver(); isOpen = !isOpen) {
        known = undefined;
        const put = await administrator.tryOnce(
          random.pick(replicas),
          'PolicyService/UpdatePolicy',
          {
            orgId: switched.orgId,
            policy: { subject: 'org', access: { deny: isOpen ? [] : ['*'] } },
            reason: 'chaos',
          },
        );
        if (put !== undefined) known = { isOpen, sinceMs: performance.now() };
        await delay(random.between(20, 200));
      }
      known = undefined;
    },
  };
}
