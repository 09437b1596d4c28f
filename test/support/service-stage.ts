import type { OrganizationView } from '../../src/core/organization-view.ts';
import { resolvePath } from '../../src/core/path.ts';
import { targetFacts } from '../../src/core/target.ts';
import type { Ledger, StoredCall } from '../../src/ledger/ledger.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import type { FoundCredential, Policies } from '../../src/policies/policies.ts';
import type { CallContext, CallInput } from '../../src/service/data-plane.ts';
import { decidedAtMs } from './decide.ts';
import { callOf, estimateOf, viewOf } from './view.ts';
import type { Said, SaidCall } from './view.ts';

/** What a service function is tested with. */
export interface ServiceStage {
  readonly policies: Policies;
  readonly ledger: Ledger;
  readonly clock: { readonly nowMs: () => number };
}

/** The organization `acme` as it is cached, perhaps a newer state in the store, and the ledger's answers. */
export interface StageOptions {
  readonly cached?: Said;
  /** The state of epoch 2, which the store has and the cache has not. */
  readonly newer?: Said;
  /** Credentials by their secret. */
  readonly secrets?: Readonly<Record<string, FoundCredential>>;
  /** The operations that the test expects; any other fails the test. */
  readonly ledger?: Partial<Ledger>;
}

/** A gateway that may act for every organization. */
export const anyGateway: CallContext = {
  caller: {
    name: 'edge',
    roles: ['gateway'],
    orgIds: undefined,
    administeredOrgIds: undefined,
    isForPlatform: false,
  },
  deadlineMs: 1000,
};

/** Policies in memory and a ledger that answers as the test says. */
export function serviceStage({ cached = {}, newer, secrets = {}, ledger }: StageOptions) {
  const bySha256 = new Map(
    Object.entries(secrets).map(([secret, found]) => [secretSha256(secret).toString('hex'), found]),
  );
  const policies: Policies = {
    view(orgId, _need, atLeastEpoch = 0) {
      if (orgId !== 'acme') return undefined;
      return newer !== undefined && atLeastEpoch > 1
        ? viewOf({ ...newer, epoch: 2 })
        : viewOf({ ...cached, epoch: 1 });
    },
    credential: (sha256) => bySha256.get(sha256.toString('hex')),
    newestEpoch: () => Promise.resolve(newer === undefined ? 1 : 2),
    close: () => Promise.resolve(),
  };
  const unexpected = () => Promise.reject(new Error('the ledger was not to be asked'));
  const refusing: Ledger = {
    check: unexpected,
    report: unexpected,
    release: unexpected,
    extend: unexpected,
    explain: unexpected,
    compare: unexpected,
    meter: unexpected,
    meters: unexpected,
    unitsSince: unexpected,
    close: () => Promise.resolve(),
  };
  const stage: ServiceStage = {
    policies,
    ledger: { ...refusing, ...ledger },
    clock: { nowMs: () => decidedAtMs },
  };
  return stage;
}

/** The input of a call of `acme`. */
export function inputOf(call: SaidCall, more: Partial<CallInput> = {}): CallInput {
  const { subjects, target, served, estimate } = callOf(call);
  const said = { subjects, credential: undefined, target, served, estimate, settleNow: false };
  return { orgId: 'acme', ...said, ...more };
}

/** An open hold as the ledger keeps it, of a call under these policies. */
export function storedCall(view: OrganizationView, call: SaidCall): StoredCall {
  const request = callOf(call);
  return {
    orgId: 'acme',
    requestId: 'r1',
    state: 'OPEN',
    priceEpochs: view.priceEpochs,
    path: resolvePath(view, request, decidedAtMs).path,
    target: targetFacts(view, request.target),
    served: request.served,
    estimate: request.estimate,
    held: { cost: 0n, input: request.estimate.input, output: request.estimate.output ?? 0n },
    ttlMs: 600_000,
    bookedAtMs: decidedAtMs,
    expiresAtMs: decidedAtMs + 600_000,
    sequence: 0,
  };
}

/** Used input and output tokens. */
export const usageOf = (input: bigint, output: bigint) => estimateOf({ input, output });
