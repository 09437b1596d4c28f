import type { ChangedUsage, UsageChange } from '../../core/usage-change.ts';
import { storeFailure } from '../../db/errors.ts';
import type { PolicyStore } from '../policy-store.ts';
import { runChange } from './change.ts';
import type { StoreParts } from './change.ts';

/** What administrators change about usage: a row of the ledger, in the transaction that audits it. */
export function storedUsageChanges(parts: StoreParts): Pick<PolicyStore, 'changeUsage'> {
  return {
    async changeUsage(orgId, change, by) {
      const request = { orgId, by, content: [change], decode: decodeChanged };
      try {
        const { result } = await runChange(parts, request, async ({ client }) => {
          const changed = await parts.onUsageChange(client, orgId, change);
          const about = { kind: 'usage', subject: subjectOf(change), before: undefined };
          if (changed === undefined) {
            return { ...about, after: undefined, result: nothing, isNothing: true };
          }
          const after = { change: change.kind, ...windowOf(change), ...changed };
          return { ...about, after, result: changed, isOfUsage: true };
        });
        return result;
      } catch (cause) {
        throw storeFailure(cause);
      }
    },
  };
}

const nothing: ChangedUsage = {
  bookedAtMs: 0,
  meters: [],
  amounts: { cost: 0n, input: 0n, output: 0n },
  requests: 0n,
};

/** What the audit trail names: the call, the meter, or the user, else the organization. */
function subjectOf(change: UsageChange): string {
  switch (change.kind) {
    case 'ADJUST_CALL':
      return `call:${change.callId}`;
    case 'RESET':
      return change.meter.name;
    case 'ADJUST_PATH':
      return change.path.user === undefined ? 'org' : `user:${change.path.user}`;
  }
}

function windowOf(change: UsageChange): { readonly window?: string } {
  return change.kind === 'RESET' ? { window: change.window } : {};
}

/** A result as it is kept: numbers as texts. */
interface KeptChange {
  readonly bookedAtMs: number;
  readonly meters: readonly string[];
  readonly amounts: Readonly<Record<'cost' | 'input' | 'output', string>>;
  readonly requests: string;
}

function decodeChanged({ bookedAtMs, meters, amounts, requests }: KeptChange): ChangedUsage {
  return {
    bookedAtMs,
    meters,
    amounts: {
      cost: BigInt(amounts.cost),
      input: BigInt(amounts.input),
      output: BigInt(amounts.output),
    },
    requests: BigInt(requests),
  };
}
